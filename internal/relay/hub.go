package relay

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"hotline/internal/ident"
	"hotline/internal/link"
)

const (
	// keepFor is how long halves of envelopes wait for the rest.
	keepFor = 10 * time.Minute
	// maxKept bounds them all together.
	maxKept = 16 << 20
	// replaceIn is how long an older link of the same key has to end.
	replaceIn = 2 * time.Second
)

// hub knows who is connected.
type hub struct {
	mu sync.Mutex
	// mu guards the following.
	members map[ident.Mailbox]*member
	kept    map[ident.Mailbox]kept
	size    int // of kept
}

type kept struct {
	k  *link.Kept
	at time.Time
}

func newHub() *hub {
	return &hub{members: map[ident.Mailbox]*member{}, kept: map[ident.Mailbox]kept{}}
}

// arrive makes m the member of its key. A link that the key has already is told
// and ended, for the newest is the one that works: after a cut the desk knows
// sooner than the relay. It returns what was left of earlier links, and whether
// the older link was another program's.
func (h *hub) arrive(m *member, limit int) (k *link.Kept, rival, ok bool) {
	h.mu.Lock()
	old := h.members[m.box]
	if old == nil && len(h.members) >= limit {
		h.mu.Unlock()
		return nil, false, false
	}
	h.members[m.box] = m
	h.mu.Unlock()
	if old != nil {
		h.replace(old)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	left := h.kept[m.box]
	delete(h.kept, m.box)
	h.size -= left.k.Size()
	return left.k, old != nil && old.process != m.process, true
}

// replace ends an older link and waits a moment for what it leaves behind.
func (h *hub) replace(old *member) {
	if peer := old.link(); peer != nil {
		peer.Close(link.ReasonReplaced)
	}
	t := time.NewTimer(replaceIn)
	defer t.Stop()
	select {
	case <-old.ended:
	case <-t.C:
	}
}

// settle gives a member its link; until then what came for it was missed, and
// is read from the spool.
func (h *hub) settle(m *member, p *link.Peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.peer = p
	for l := range m.lanes {
		m.lanes[l].behind = true
	}
	if h.find(m.box) != m { // replaced before it stood
		p.Close(link.ReasonReplaced)
	}
}

// leave takes m off, and keeps what its link left behind.
func (h *hub) leave(m *member, left *link.Kept) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.members[m.box] == m {
		delete(h.members, m.box)
	}
	if n := left.Size(); n > 0 && h.size+n <= maxKept {
		h.size += n - h.kept[m.box].k.Size()
		h.kept[m.box] = kept{left, time.Now()}
	}
	close(m.ended)
}

// forget drops halves that nobody came back for.
func (h *hub) forget(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for box, k := range h.kept {
		if now.Sub(k.at) > keepFor {
			h.size -= k.k.Size()
			delete(h.kept, box)
		}
	}
}

func (h *hub) find(box ident.Mailbox) *member {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.members[box]
}

func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.members)
}

const (
	// maxStrangers bounds the connections that have not said who they are. TLS
	// may hold up to about 80 kB for each, so all together stay below 16 MiB.
	maxStrangers = 160
	// maxPerPrefix bounds those from one network: a single host cannot take
	// all places.
	maxPerPrefix = 64
)

// gate counts strangers.
type gate struct {
	mu sync.Mutex
	// mu guards the following.
	all    int
	prefix map[netip.Prefix]int
}

func newGate() *gate { return &gate{prefix: map[netip.Prefix]int{}} }

// enter takes a place; leave gives it back, once.
func (g *gate) enter(addr net.Addr) (leave func(), ok bool) {
	p := prefixOf(addr)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= maxStrangers || g.prefix[p] >= maxPerPrefix {
		return nil, false
	}
	g.all++
	g.prefix[p]++
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.all--
		if g.prefix[p]--; g.prefix[p] == 0 {
			delete(g.prefix, p)
		}
	}), true
}

// prefixOf is the network of an address: /24 for IPv4, /56 for IPv6.
func prefixOf(addr net.Addr) netip.Prefix {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.Prefix{}
	}
	ip := ap.Addr().Unmap()
	bits := 56
	if ip.Is4() {
		bits = 24
	}
	p, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
