package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"hotline/internal/envelope"
)

// Frame types. A frame is type 1, length 2, body; numbers are big-endian. They
// are part of the protocol (docs/spec/link.md). Types from 0x80 on that a
// receiver does not know are skipped; other unknown types end the link.
const (
	frameHello     = 0x01 // both, first on every connection
	frameEnv       = 0x02 // an envelope or its first part
	frameChunk     = 0x03 // a further part
	frameAccepted  = 0x04 // relay: puts committed, as ranges of handles
	frameCommitted = 0x05 // desk: deliveries committed, per lane
	frameFlow      = 0x06 // bytes received and when
	frameWant      = 0x07 // behind HELLO: the half of an envelope that I have
	frameRefuse    = 0x08 // relay: a mailbox does not take a put
	framePing      = 0x09
	framePong      = 0x0a
	frameDest      = 0x0b // desk: a list of mailboxes under a slot number
	frameAllow     = 0x0c // desk: who may put into my mailbox
	frameBulk      = 0x0d // relay: please open the bulk connection
	frameBye       = 0x0e // the reason why this end closes
	frameAllowed   = 0x0f // relay: the hash of the list in force
	// 0x10 to 0x13 are reserved for datagrams (docs/spec/link.md, Section 2).
	frameRevoke  = 0x17 // desk: keys that may no longer put into my mailbox
	frameForget  = 0x18 // desk: mailboxes from which I take back what I put
	frameDropped = 0x19 // relay: what a REVOKE or FORGET dropped

	frameMeet = 0x14 // desk: asks for one thing of a rendezvous
	frameMet  = 0x15 // relay: how that went
	framePart = 0x16 // both: up to 16 KiB of a rendezvous' blob

	frameOptional = 0x80
)

const (
	headSize = 3
	// envFixed is the body of ENV before the bytes of the envelope: lane 1,
	// flags 1, total length 4, stamp 8.
	envFixed = 14
	// envSplit follows in an ENV whose envelope comes in parts: id 16, offset 4.
	envSplit = 20
	// chunkFixed is lane 1, offset 4.
	chunkFixed = 5
	flagSplit  = 1

	helloSize  = 140
	answerSize = 60
	wantSize   = 21
	flowSize   = 16
	refuseSize = 16
	// droppedSize is frame type 1, key or mailbox 32, count 4.
	droppedSize = 37
)

// errProtocol means that a peer's frames make no sense; the link ends.
var errProtocol = errors.New("protocol error")

func protocolError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errProtocol, fmt.Sprintf(format, args...))
}

// appendHead appends the head of a frame whose body has n bytes.
func appendHead(dst []byte, t byte, n int) []byte {
	dst = append(dst, t)
	return binary.BigEndian.AppendUint16(dst, uint16(n))
}

// appendFrame appends a whole frame.
func appendFrame(dst []byte, t byte, body []byte) []byte {
	return append(appendHead(dst, t, len(body)), body...)
}

// readFrame reads one frame into buf, which it grows up to [MaxFrame] only.
func readFrame(r io.Reader, buf []byte) (t byte, body, grown []byte, err error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, buf, err
	}
	n := int(binary.BigEndian.Uint16(head[1:]))
	if n > MaxFrame {
		return 0, nil, buf, protocolError("frame of %d bytes", n)
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		return 0, nil, buf, fmt.Errorf("read frame body: %w", err)
	}
	return head[0], buf[:n], buf, nil
}

// readFixed reads a frame of one type and size, and nothing else: it is what is
// used before a peer is known.
func readFixed(r io.Reader, t byte, size int) ([]byte, error) {
	b := make([]byte, headSize+size)
	if _, err := io.ReadFull(r, b[:headSize]); err != nil {
		return nil, err
	}
	if b[0] != t || int(binary.BigEndian.Uint16(b[1:])) != size {
		return nil, protocolError("frame type %d where %d is due", b[0], t)
	}
	if _, err := io.ReadFull(r, b[headSize:]); err != nil {
		return nil, err
	}
	return b[headSize:], nil
}

// Want says how much of an envelope arrived before a cut, so that the rest can
// follow.
type Want struct {
	Lane uint8
	ID   envelope.ID
	Have uint32
}

func appendWant(dst []byte, w Want) []byte {
	dst = append(appendHead(dst, frameWant, wantSize), w.Lane)
	dst = append(dst, w.ID[:]...)
	return binary.BigEndian.AppendUint32(dst, w.Have)
}

func readWants(r io.Reader, n int) (wants []Want, err error) {
	if n > Lanes {
		return nil, protocolError("%d wants", n)
	}
	for range n {
		b, err := readFixed(r, frameWant, wantSize)
		if err != nil {
			return nil, fmt.Errorf("read want: %w", err)
		}
		w := Want{Lane: b[0], ID: envelope.ID(b[1:17]), Have: binary.BigEndian.Uint32(b[17:])}
		if w.Lane >= Lanes {
			return nil, protocolError("want on lane %d", w.Lane)
		}
		wants = append(wants, w)
	}
	return wants, nil
}

// span is a range of handles.
type span struct {
	first uint64
	count uint16
}

// spans collects handles, most of which come in order.
type spans []span

func (s *spans) add(h uint64) {
	if n := len(*s); n > 0 {
		last := &(*s)[n-1]
		if last.first+uint64(last.count) == h && last.count < 1<<16-1 {
			last.count++
			return
		}
	}
	*s = append(*s, span{h, 1})
}

func (s spans) append(dst []byte) []byte {
	dst = appendHead(dst, frameAccepted, 10*len(s))
	for _, r := range s {
		dst = binary.BigEndian.AppendUint64(dst, r.first)
		dst = binary.BigEndian.AppendUint16(dst, r.count)
	}
	return dst
}
