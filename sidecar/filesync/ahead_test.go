package filesync

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type buffer struct{ bytes.Buffer }

func (*buffer) Close() error { return nil }

func TestFrames(t *testing.T) {
	t.Parallel()
	wire := &buffer{}
	from, to := newFramed(wire), newFramed(wire)
	block := bytes.Repeat([]byte("block"), 100)
	for _, err := range []error{from.send(frameModel, []byte("one ")), from.send(frameBlock, block), from.send(frameBlock, block), from.send(frameModel, nil), from.send(frameModel, []byte("two"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := io.ReadAll(to)
	if diff := cmp.Diff("one two", string(got)); diff != "" || err != nil {
		t.Error(diff, err)
	}
	hash := sha256.Sum256(block)
	if data, ok := to.take(hash[:]); !ok || !bytes.Equal(data, block) {
		t.Errorf("%q, %v", data, ok)
	}
	if _, ok := to.take(hash[:]); ok {
		t.Error("a block is there a second time")
	}
	for name, bad := range map[string]string{"unknown kind": "\x07\x00\x00\x00\x01x", "large block": "\x01\x7f\x00\x00\x00"} {
		if _, err := io.ReadAll(newFramed(&buffer{*bytes.NewBufferString(bad)})); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := newFramed(&buffer{*bytes.NewBufferString("\x00\x00")}).Read(make([]byte, 9)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a frame that is cut off: %v", err)
	}
}

// What nobody asks for does not grow without a limit.
func TestAheadIsLimited(t *testing.T) {
	t.Parallel()
	f := newFramed(&buffer{})
	for i := range 100 {
		block := bytes.Repeat([]byte{byte(i)}, aheadFile)
		f.keep(block)
		if i%2 == 0 {
			hash := sha256.Sum256(block)
			f.take(hash[:])
		}
	}
	if f.size > aheadBatch || len(f.blocks) != f.size/aheadFile || len(f.oldest) > 2*len(f.blocks)+1 {
		t.Errorf("%d bytes in %d blocks, %d names", f.size, len(f.blocks), len(f.oldest))
	}
}

// blocks are how many the present stream brought, for which the engine asked, and which came ahead.
func (e *Engine) blocks() (asked, came int64) {
	e.attach.Lock()
	defer e.attach.Unlock()
	return e.current.asked.Load(), e.current.came.Load()
}

// A save is there without being asked for.
func TestSavesComeAhead(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	p.start()
	p.same()
	put(t, a, "before", "1") // the first update after a new stream is the model's
	arrives(t, b, "before", "1")
	p.same()
	before, _ := p.remote.engine.blocks()
	put(t, a, "saved", "2")
	arrives(t, b, "saved", "2")
	if asked, came := p.remote.engine.blocks(); asked != before || came == 0 {
		t.Errorf("%d blocks were asked for, %d before; %d came ahead", asked, before, came)
	}
}
