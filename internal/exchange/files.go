package exchange

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"hotline/internal/blob"
	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/fault"
	"hotline/internal/octets"
	"hotline/internal/pack"
	"hotline/internal/precedence"
	"hotline/internal/stix"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// Media is the media type of a STIX bundle.
const Media = "application/stix+json;version=2.1"

// fileLane is the lane in which the parts of a message's file travel: below
// the message itself, above nothing that it could hold up.
func fileLane(l precedence.Level) uint8 {
	switch l {
	case precedence.Flash:
		return uint8(precedence.Immediate)
	case precedence.Immediate:
		return uint8(precedence.Priority)
	default:
		return envelope.Files
	}
}

// Upload is a file that this desk keeps until a message takes it.
type Upload struct {
	ID      string
	File    wire.File
	Summary stix.Summary
}

// Upload reads a STIX bundle, checks it and keeps it, sealed. The bytes are
// kept as they were given; what travels is packed.
func (e *Engine) Upload(ctx context.Context, name string, r io.Reader) (Upload, error) {
	given, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return Upload{}, fmt.Errorf("read upload: %w", err)
	}
	if len(given) > maxFile {
		return Upload{}, fault.New(fault.TooLarge, "The bundle has more than %d bytes, the most that is sent.", maxFile)
	}
	summary, err := stix.Check(given)
	if err != nil {
		return Upload{}, err
	}
	f := wire.File{Name: name, Media: Media, Size: uint64(len(given)), SHA256: sha256.Sum256(given), ChunkSize: chunkSize, Purpose: wire.STIX}
	stored, dictionary := pack.Pack(given)
	f.Packed = dictionary
	if err := e.sealFile(&f, bytes.NewReader(stored), envelope.Files); err != nil {
		return Upload{}, err
	}
	u := Upload{ID: rand.Text(), File: f, Summary: summary}
	err = e.do(ctx, func(b *Batch) error {
		return b.Tx.PutUpload(store.Upload{ID: u.ID, Name: name, Media: Media, File: marshalFile(f), MadeAt: b.Now})
	})
	if err != nil {
		return Upload{}, fmt.Errorf("keep upload: %w", err)
	}
	return u, nil
}

// sealFile seals what src holds under a new content key, for a lane.
func (e *Engine) sealFile(f *wire.File, src io.Reader, lane uint8) error {
	_, _ = rand.Read(f.Key[:]) // never fails
	expiry := e.expiry(envelopeLife)
	content, err := e.cfg.Blobs.Seal(chain.FileTag(e.cfg.Suite, f.Key), chunkSize, blob.MaxSize, src,
		func(index uint32, final bool, data []byte) ([]byte, error) {
			return chain.SealChunk(e.cfg.Suite, chain.ChunkInput{
				Chunk: chain.Chunk{Index: index, Final: final, Data: data}, Key: f.Key, Lane: lane, Expiry: expiry,
			})
		})
	if err != nil {
		return fmt.Errorf("seal file: %w", err)
	}
	f.Root, f.ChunkSize, f.Count = content.Root, content.ChunkSize, content.Count
	return nil
}

// raise seals an upload anew for the lane of an urgent message. It runs before
// the message's step, because it moves megabytes.
func (e *Engine) raise(ctx context.Context, upload string, level precedence.Level) error {
	lane := fileLane(level)
	if upload == "" || lane == envelope.Files {
		return nil
	}
	var u store.Upload
	err := e.do(ctx, func(b *Batch) (err error) { u, err = b.Tx.Upload(upload); return err })
	if errors.Is(err, store.ErrNone) {
		return nil // Send says so
	}
	if err != nil {
		return fmt.Errorf("read upload: %w", err)
	}
	f, err := parseFile(u.File)
	if err != nil {
		return fmt.Errorf("read upload: %w", err)
	}
	old, err := e.cfg.Blobs.Open(chain.FileTag(e.cfg.Suite, f.Key))
	if err != nil {
		return fmt.Errorf("open upload: %w", err)
	}
	src, err := old.Reader(e.opener(f.Key))
	if err != nil {
		return fmt.Errorf("open upload: %w", err)
	}
	defer func() { _ = src.Close() }()
	if err := e.sealFile(&f, src, lane); err != nil {
		return err
	}
	return e.do(ctx, func(b *Batch) error {
		if err := b.Tx.DropUpload(u.ID); err != nil {
			return err
		}
		u.File = marshalFile(f)
		b.After(func() { _ = e.cfg.Blobs.Remove(old.Tag()) })
		return b.Tx.PutUpload(u)
	})
}

// opener opens sealed chunks of a file.
func (e *Engine) opener(key [32]byte) blob.OpenFunc {
	return func(sealed []byte) (uint32, bool, []byte, error) {
		c, err := chain.OpenChunk(e.cfg.Suite, sealed, key)
		return c.Index, c.Final, c.Data, err
	}
}

// unpacker undoes the packing of a file.
func unpacker(f wire.File) func(io.Reader) (io.ReadCloser, error) {
	if f.Packed == pack.None {
		return nil
	}
	return func(r io.Reader) (io.ReadCloser, error) {
		packed, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		given, err := pack.Unpack(packed, f.Packed, int(f.Size))
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(given)), nil
	}
}

// Content opens a file of a message as it was given, when it is whole here.
func (e *Engine) Content(f wire.File) (io.ReadCloser, error) {
	b, err := e.cfg.Blobs.Open(chain.FileTag(e.cfg.Suite, f.Key))
	if errors.Is(err, blob.ErrNone) {
		return nil, fault.New(fault.NotFound, "Nothing of the file %s has come yet.", f.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	if have, of := b.Have(); !b.Whole() {
		return nil, fault.New(fault.Conflict, "%d %% of the file %s is here; it opens when all of it is.", have*100/max(of, 1), f.Name)
	}
	r, err := b.Reader(e.opener(f.Key))
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	unpack := unpacker(f)
	if unpack == nil {
		return r, nil
	}
	defer func() { _ = r.Close() }()
	return unpack(r)
}

// Progress returns how many bytes of a file, as it was given, are here.
func (e *Engine) Progress(f wire.File) (have uint64, whole bool) {
	b, err := e.cfg.Blobs.Open(chain.FileTag(e.cfg.Suite, f.Key))
	if err != nil {
		return 0, false
	}
	if b.Whole() {
		return f.Size, true
	}
	n, of := b.Have()
	return f.Size * uint64(n) / uint64(max(of, 1)), false
}

// marshalFile is a file's description as the upload table keeps it.
func marshalFile(f wire.File) []byte {
	var w octets.Writer
	w.String(f.Name)
	w.String(f.Media)
	w.Uint64(f.Size)
	w.Raw(f.SHA256[:])
	w.Raw(f.Root[:])
	w.Raw(f.Key[:])
	w.Uint32(f.ChunkSize)
	w.Uint32(f.Count)
	w.Uint8(uint8(f.Purpose))
	w.Uint8(f.Packed)
	return w.Bytes()
}

func parseFile(b []byte) (f wire.File, err error) {
	r := octets.NewReader(b)
	f.Name, f.Media, f.Size = r.String(1<<10), r.String(1<<10), r.Uint64()
	r.Into(f.SHA256[:])
	r.Into(f.Root[:])
	r.Into(f.Key[:])
	f.ChunkSize, f.Count = r.Uint32(), r.Uint32()
	f.Purpose, f.Packed = wire.Purpose(r.Uint8()), r.Uint8()
	return f, r.Done()
}

// incoming is a file of which parts are missing.
type incoming struct {
	store.File
	wire  wire.File
	blob  *blob.Blob
	moved time.Time     // when a part came last
	wait  time.Duration // until we ask for what is missing
	busy  bool          // is being verified
}

// askFirst is how long no part may come before the missing ones are asked
// for. On the thinnest link one part takes about a minute.
const askFirst = 2 * time.Minute

// expectFiles makes room for the files of a message that came.
func (b *Batch) expectFiles(m *store.Message, body *wire.Message) error {
	for i, f := range body.Files {
		row := store.File{
			Tag: chain.FileTag(b.e.cfg.Suite, f.Key), Message: m.ID, Number: i, Lane: fileLane(m.Precedence), State: "partial", At: b.Now,
		}
		if err := b.Tx.PutFile(row); err != nil {
			return fmt.Errorf("expect file: %w", err)
		}
		if err := b.e.expect(row, f); err != nil {
			return err
		}
		b.undo = append(b.undo, func() { delete(b.e.files, row.Tag) })
		if err := b.unpark(row.Tag); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) expect(row store.File, f wire.File) error {
	bl, err := e.cfg.Blobs.Create(row.Tag, blob.Layout{ChunkSize: f.ChunkSize, Count: f.Count})
	if err != nil {
		return fmt.Errorf("make room for file: %w", err)
	}
	e.files[row.Tag] = &incoming{File: row, wire: f, blob: bl, moved: time.Now(), wait: askFirst}
	return nil
}

// openChunk takes a part of a file.
func (b *Batch) openChunk(h envelope.Header, env []byte) error {
	e := b.e
	f := e.files[h.Tag]
	if f == nil {
		if _, err := b.Tx.File(h.Tag); errors.Is(err, store.ErrNone) {
			return b.park(h, env) // its message comes
		}
		return nil // whole already
	}
	c, err := chain.OpenChunk(e.cfg.Suite, env, f.wire.Key)
	if err != nil {
		b.drop("part of a file", err)
		return nil
	}
	if err := f.blob.Put(c.Index, env); err != nil {
		if errors.Is(err, blob.ErrShape) {
			b.drop("part of a file", err)
			return nil
		}
		return fmt.Errorf("store part of a file: %w", err)
	}
	// Once per batch would do; a part is large, so the difference is small.
	if err := f.blob.Sync(); err != nil {
		return fmt.Errorf("store part of a file: %w", err)
	}
	f.moved, f.wait = time.Now(), askFirst
	if have, of := f.blob.Have(); have == of {
		b.After(func() { e.verify(f) })
	}
	return b.Event(EventLadder, f.Message[:])
}

// verify compares a complete file with what its message said, beside the run
// loop, and then says so.
func (e *Engine) verify(f *incoming) {
	if f.busy {
		return
	}
	f.busy = true
	go func() {
		select {
		case e.verifying <- struct{}{}: // one at a time: each holds tens of megabytes
		case <-e.ctx.Done():
			return
		}
		err := f.blob.Verify(blob.Content{
			Layout: f.blob.Layout(), Root: f.wire.Root, Size: f.wire.Size, SHA256: f.wire.SHA256,
		}, e.opener(f.wire.Key), unpacker(f.wire))
		if err == nil {
			err = e.checkBundle(f.wire)
		}
		<-e.verifying
		s := step{apply: func(b *Batch) error { return b.verified(f, err) }, settle: func(err error) {
			f.busy = false // after a failure it is tried again when parts are next asked for
			e.logged("verify file")(err)
		}}
		select {
		case e.steps <- s:
		case <-e.ctx.Done():
		}
	}()
}

// errNoBundle means that what came as a STIX bundle is none.
var errNoBundle = errors.New("not a STIX bundle")

// checkBundle asks of a bundle that came what is asked of one that is sent: a
// peer's word that it is one is not enough to hand it to a program.
func (e *Engine) checkBundle(f wire.File) error {
	if f.Purpose != wire.STIX {
		return nil
	}
	r, err := e.Content(f)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	given, err := io.ReadAll(io.LimitReader(r, stix.MaxBundle+1))
	if err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	if _, err := stix.Check(given); err != nil {
		_, msg, _ := fault.Visible(err)
		return fault.Wrap(errors.Join(errNoBundle, err), fault.Refused, "%s", msg)
	}
	return nil
}

func (b *Batch) verified(f *incoming, found error) error {
	m, err := b.Tx.Message(f.Message)
	if err != nil {
		return fmt.Errorf("read message %s: %w", f.Message, err)
	}
	state, r := "whole", wire.Receipt{State: traffic.Whole, At: b.Now.UnixMilli(), File: uint8(f.Number)}
	if found != nil {
		if !errors.Is(found, blob.ErrContent) && !errors.Is(found, errNoBundle) {
			return fmt.Errorf("verify file: %w", found)
		}
		b.drop("file is not the one that its message names", found)
		state = "broken"
		r = wire.Receipt{State: traffic.Refused, At: b.Now.UnixMilli(), Text: "The file is not the one that the message names."}
		if _, msg, _ := fault.Visible(found); errors.Is(found, errNoBundle) {
			r.Text = "The file is not a STIX bundle: " + msg
		}
	}
	if err := b.Tx.SetFileState(f.Tag, state); err != nil {
		return fmt.Errorf("note file: %w", err)
	}
	b.After(func() { delete(b.e.files, f.Tag) })
	if err := b.Leaf("file-"+state, append(f.Message[:], f.wire.SHA256[:]...)); err != nil {
		return err
	}
	return b.say(&m, r)
}

// askMissing asks for parts that do not come.
func (b *Batch) askMissing() error {
	for _, f := range b.e.files {
		if f.busy || b.Now.Sub(f.moved) < f.wait || !b.e.ownRelayUp() {
			continue
		}
		m, err := b.Tx.Message(f.Message)
		if err != nil {
			return fmt.Errorf("read message %s: %w", f.Message, err)
		}
		r := wire.Receipt{State: traffic.Want, At: b.Now.UnixMilli(), File: uint8(f.Number)}
		for _, g := range f.blob.Missing(wire.MaxRanges) {
			r.Missing = append(r.Missing, wire.Range{First: g.First, Count: g.Last - g.First + 1})
		}
		if len(r.Missing) == 0 {
			b.After(func() { b.e.verify(f) })
			continue
		}
		if err := b.say(&m, r); err != nil {
			return err
		}
		b.After(func() { f.moved, f.wait = b.Now, min(2*f.wait, 4*retryMost) })
	}
	return nil
}
