import './css/tokens.css'
import './css/base.css'
import { mount } from 'svelte'
import App from './App.svelte'
import { loadTexts } from './state/view.svelte.js'

await loadTexts()
mount(App, { target: document.getElementById('app') })
