package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"hotline/internal/fault"
)

// dist is the page, built from web/ and committed, so that a binary can be
// made without node.
//
//go:embed all:dist
var dist embed.FS

// static serves the built page out of memory.
type static struct {
	files map[string]file
	index string // index.html, with the marks that page fills
	build string // names this build, for pages that outlive an upgrade
}

// file is one asset, raw and as the build or the start compressed it.
type file struct {
	raw, br, gz []byte
	media       string
}

// The marks that index.html carries for [Console.page].
const (
	markHTML = `<html lang="en" data-theme="auto">`
	markBoot = `<script type="application/json" id="boot">{}</script>`
)

// newStatic reads the build. A build without a page is a broken binary.
func newStatic(files fs.FS) *static {
	s := &static{files: map[string]file{}}
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".br") {
			return err
		}
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum.Write(raw)
		if name == "index.html" {
			s.index = string(raw)
		}
		if !strings.HasPrefix(name, "assets/") {
			return nil
		}
		f := file{raw: raw, media: mediaOf(name)}
		if br, err := fs.ReadFile(files, name+".br"); err == nil {
			f.br, f.gz = br, squeeze(raw)
		}
		s.files["/"+name] = f
		return nil
	})
	if err != nil || s.index == "" {
		panic("console: the binary carries no page: run `make web` and build again")
	}
	s.build = hex.EncodeToString(sum.Sum(nil)[:6])
	return s
}

func mediaOf(name string) string {
	if m := mime.TypeByExtension(path.Ext(name)); m != "" {
		return m
	}
	return "application/octet-stream"
}

func squeeze(raw []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	_, _ = w.Write(raw)                                   // a buffer does not fail
	_ = w.Close()
	return b.Bytes()
}

// asset serves one file. Names carry a hash of the content, so a browser may
// keep them for ever.
func (s *static) asset(w http.ResponseWriter, r *http.Request) {
	f, ok := s.files[r.URL.Path]
	if !ok {
		writeFault(w, fault.New(fault.NotFound, "There is no such file in this build."))
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.media)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Add("Vary", "Accept-Encoding")
	body := f.raw
	switch accept := r.Header.Get("Accept-Encoding"); {
	case f.br != nil && strings.Contains(accept, "br"):
		h.Set("Content-Encoding", "br")
		body = f.br
	case f.gz != nil && strings.Contains(accept, "gzip"):
		h.Set("Content-Encoding", "gzip")
		body = f.gz
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// boot is the first state, written into the page: what it needs to draw
// anything at all without a further question.
type boot struct {
	Desk    string `json:"desk"`
	Officer string `json:"officer,omitempty"`
	Role    string `json:"role,omitempty"`
	View    view   `json:"view"`
	Version string `json:"version"`
	Build   string `json:"build"`
	Now     string `json:"now"`
}

// page writes the page with the officer's theme and language in it.
func (c *Console) page(w http.ResponseWriter, r *http.Request) {
	b := boot{
		Desk: c.cfg.DeskName, View: c.viewOf(r), Version: c.cfg.Version, Build: c.static.build,
		Now: c.cfg.Now().UTC().Format(time.RFC3339Nano),
	}
	if _, o, err := c.officer(r); err == nil {
		b.Officer, b.Role = o.Name, o.Role
	}
	// json.Marshal escapes <, > and &, so the text cannot end the element.
	first, err := json.Marshal(b)
	if err != nil {
		writeFault(w, err)
		return
	}
	out := strings.Replace(c.static.index, markHTML,
		`<html lang="`+html.EscapeString(b.View.Lang)+`" data-theme="`+html.EscapeString(b.View.Theme)+`">`, 1)
	out = strings.Replace(out, markBoot, `<script type="application/json" id="boot">`+string(first)+`</script>`, 1)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(out)) // a closed connection
}
