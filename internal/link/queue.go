package link

import (
	"slices"

	"hotline/internal/envelope"
)

// outgoing is one envelope on its way out of a session.
type outgoing struct {
	lane  uint8
	stamp uint64
	env   []byte
	// start, if set, runs when the first byte is about to go. It returns
	// frames that go before, and the stamp. It runs under the session's lock.
	start func(c *conn) (prefix []byte, stamp uint64)

	started bool
	pos     int
	id      envelope.ID // once it goes in parts
}

// lane is what waits in one lane of a session, first in, first out.
type lane struct {
	q     []*outgoing
	bytes int
}

func (l *lane) push(o *outgoing) {
	l.q = append(l.q, o)
	l.bytes += len(o.env)
}

func (l *lane) head() *outgoing {
	if len(l.q) == 0 {
		return nil
	}
	return l.q[0]
}

func (l *lane) pop() {
	l.bytes -= len(l.q[0].env)
	l.q[0] = nil
	if l.q = l.q[1:]; len(l.q) == 0 {
		l.q = nil
	}
}

// remove takes an envelope out that has not begun, and reports whether it was
// there.
func (l *lane) remove(o *outgoing) bool {
	i := slices.Index(l.q, o)
	if i < 0 || o.started {
		return false
	}
	l.bytes -= len(o.env)
	l.q = slices.Delete(l.q, i, i+1)
	return true
}

const (
	flashLane     = 3
	immediateLane = 2
	priorityLane  = 1
	routineLane   = 0
	fileLane      = 4
)

// isBulk says which connection a lane travels on. PRIORITY and ROUTINE are
// bulk: a lost segment of theirs must not hold back a FLASH behind it.
func isBulk(lane uint8) bool { return lane < immediateLane || lane == fileLane }

// urgentOrder and bulkOrder are the order of precedence on each connection.
var (
	urgentOrder = [...]uint8{flashLane, immediateLane}
	bulkOrder   = [...]uint8{priorityLane, routineLane, fileLane}
)

// piece appends the next part of o to a record, using at most room bytes
// unless whole is set. It returns the record and how many bytes of data frames
// it added; nothing is added when a first part would be too short to be worth
// its head.
func (o *outgoing) piece(rec []byte, room int, whole bool, c *conn, want *Want) ([]byte, int) {
	if !o.started {
		return o.begin(rec, room, whole, c, want)
	}
	n := min(len(o.env)-o.pos, room-headSize-chunkFixed)
	if n <= 0 {
		return rec, 0
	}
	rec = append(appendHead(rec, frameChunk, chunkFixed+n), o.lane)
	rec = be.AppendUint32(rec, uint32(o.pos))
	rec = append(rec, o.env[o.pos:o.pos+n]...)
	o.pos += n
	return rec, headSize + chunkFixed + n
}

// begin appends ENV.
func (o *outgoing) begin(rec []byte, room int, whole bool, c *conn, want *Want) ([]byte, int) {
	fits := len(o.env)+headSize+envFixed <= room
	if whole && len(o.env)+envFixed <= MaxFrame {
		fits = true
	}
	split := uint8(0)
	n := len(o.env)
	head := envFixed
	if !fits {
		// A part needs room for more than its own head.
		if head += envSplit; room < headSize+head+64 {
			return rec, 0
		}
		split = flagSplit
		o.id = envelope.Identify(o.env)
		if want != nil && want.Lane == o.lane && want.ID == o.id && int(want.Have) < len(o.env) {
			o.pos = int(want.Have)
		}
		n = min(len(o.env)-o.pos, room-headSize-head)
	}
	if o.start != nil {
		var prefix []byte
		prefix, o.stamp = o.start(c)
		rec = append(rec, prefix...)
	}
	rec = append(appendHead(rec, frameEnv, head+n), o.lane, split)
	rec = be.AppendUint32(rec, uint32(len(o.env)))
	rec = be.AppendUint64(rec, o.stamp)
	if split != 0 {
		rec = append(rec, o.id[:]...)
		rec = be.AppendUint32(rec, uint32(o.pos))
	}
	rec = append(rec, o.env[o.pos:o.pos+n]...)
	o.pos += n
	o.started = true
	return rec, headSize + head + n
}

// incoming is an envelope of which a part has arrived.
type incoming struct {
	lane  uint8
	stamp uint64
	total int
	split bool
	id    envelope.ID
	buf   []byte
	ctx   any // what the receiver noted at its beginning
}

// whole reports whether all of it is here.
func (i *incoming) whole() bool { return len(i.buf) == i.total }

// want asks for the rest after a cut.
func (i *incoming) want() Want { return Want{Lane: i.lane, ID: i.id, Have: uint32(len(i.buf))} }

// parseEnv reads the body of ENV. kept is what an earlier session left of the
// lane, or nil.
func parseEnv(body []byte, kept *incoming) (*incoming, error) {
	if len(body) < envFixed {
		return nil, protocolError("ENV of %d bytes", len(body))
	}
	in := &incoming{
		lane: body[0], split: body[1] == flagSplit,
		total: int(be.Uint32(body[2:])), stamp: be.Uint64(body[6:]),
	}
	part := body[envFixed:]
	switch {
	case in.lane >= Lanes || body[1] > flagSplit:
		return nil, protocolError("ENV on lane %d with flags %d", in.lane, body[1])
	case in.total > envelope.MaxSize || in.total == 0:
		return nil, protocolError("envelope of %d bytes", in.total)
	case !in.split && len(part) != in.total:
		return nil, protocolError("ENV has %d of %d bytes", len(part), in.total)
	case !in.split:
		in.buf = append([]byte(nil), part...)
		return in, nil
	case len(part) < envSplit:
		return nil, protocolError("ENV of %d bytes", len(body))
	}
	in.id = envelope.ID(part[:16])
	offset := int(be.Uint32(part[16:]))
	in.buf = make([]byte, 0, in.total)
	if offset != 0 {
		if kept == nil || kept.id != in.id || kept.total != in.total || len(kept.buf) != offset {
			return nil, protocolError("envelope goes on at %d, nothing of it is here", offset)
		}
		in.buf = append(in.buf, kept.buf...)
	}
	return in, in.add(part[envSplit:])
}

// add takes a further part.
func (i *incoming) add(part []byte) error {
	if len(i.buf)+len(part) > i.total {
		return protocolError("envelope of %d bytes has %d", i.total, len(i.buf)+len(part))
	}
	i.buf = append(i.buf, part...)
	return nil
}

// parseChunk takes the body of CHUNK.
func parseChunk(body []byte, lanes *[Lanes]*incoming) (*incoming, error) {
	if len(body) < chunkFixed || body[0] >= Lanes {
		return nil, protocolError("CHUNK of %d bytes", len(body))
	}
	in := lanes[body[0]]
	if in == nil || int(be.Uint32(body[1:])) != len(in.buf) {
		return nil, protocolError("CHUNK out of place on lane %d", body[0])
	}
	return in, in.add(body[chunkFixed:])
}

// check compares the bytes of an envelope that came in parts with its id: two
// halves from two sessions are one envelope only then.
func (i *incoming) check() error {
	if i.split && envelope.Identify(i.buf) != i.id {
		return protocolError("parts do not make the envelope that was announced")
	}
	return nil
}
