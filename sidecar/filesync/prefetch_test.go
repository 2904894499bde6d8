package filesync

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
	"github.com/nhctl/nhctl/sidecar/frame"
)

type buffer struct{ bytes.Buffer }

func (*buffer) Close() error { return nil }

// message is one of the model's protocol.
func message(header, rest string) []byte {
	m := append(binary.BigEndian.AppendUint16(nil, uint16(len(header))), header...)
	return append(binary.BigEndian.AppendUint32(m, uint32(len(rest))), rest...)
}

func TestFrames(t *testing.T) {
	t.Parallel()
	wire := &buffer{}
	from, to := newFramed(wire), newFramed(wire)
	block := bytes.Repeat([]byte("block"), 100)
	for _, err := range []error{
		from.send(frameModel, message("", "one ")), from.send(frameBlock, block), from.send(frameBlock, block),
		from.send(frameModel, nil),
		from.send(frameModel, message("\x08\x01", "two")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := io.ReadAll(to)
	if diff := cmp.Diff("\x00\x00\x00\x00\x00\x04one \x00\x02\x08\x01\x00\x00\x00\x03two", string(got)); diff != "" ||
		err != nil {
		t.Error(diff, err)
	}
	hash := sha256.Sum256(block)
	if data, ok := to.takeBlock(hash[:]); !ok || !bytes.Equal(data, block) {
		t.Errorf("%q, %v", data, ok)
	}
	if _, ok := to.takeBlock(hash[:]); ok {
		t.Error("a block is there a second time")
	}
	for name, bad := range map[string]string{
		"unknown kind":                "\x07\x00\x00\x00\x01x",
		"large block":                 "\x01\x7f\x00\x00\x00",
		"large message":               "\x00\x02\x00\x00\x01\x00\x00\x01\xff\xff\xfb",
		"no message":                  "\x00\x00\x00\x00\x01x",
		"a header beyond its frame":   "\x00\x00\x00\x00\x07\x00\x02\x08\x00\x00\x00\x00",
		"a message beyond its frame":  "\x00\x00\x00\x00\x06\x00\x00\x1d\xcd\x65\x00",
		"a message short of its size": "\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00x",
		"a compressed message":        "\x00" + "\x00\x00\x00\x0a" + "\x00\x04\x08\x01\x10\x01\x00\x00\x00\x00",
		"no header":                   "\x00" + "\x00\x00\x00\x07" + "\x00\x01\xff\x00\x00\x00\x00",
	} {
		if _, err := io.ReadAll(newFramed(&buffer{*bytes.NewBufferString(bad)})); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := newFramed(&buffer{*bytes.NewBufferString("\x00\x00")}).Read(make([]byte, 9)); !errors.Is(err,
		io.ErrUnexpectedEOF) {
		t.Errorf("a frame that is cut off: %v", err)
	}
}

// Blocks that no one asks for do not grow without a limit.
func TestPrefetchIsLimited(t *testing.T) {
	t.Parallel()
	f := newFramed(&buffer{})
	for i := range 100 {
		block := bytes.Repeat([]byte{byte(i)}, prefetchFile)
		f.addBlock(block)
		if i%2 == 0 {
			hash := sha256.Sum256(block)
			f.takeBlock(hash[:])
		}
	}
	if f.size > prefetchBatch || len(f.blocks) != f.size/prefetchFile || len(f.oldest) > 2*len(f.blocks)+1 {
		t.Errorf("%d bytes in %d blocks, %d names", f.size, len(f.blocks), len(f.oldest))
	}
}

// blocks are how many the present stream brought, for which the engine asked, and which were prefetched.
func (e *Engine) blocks() (asked, came int64) {
	e.attach.Lock()
	defer e.attach.Unlock()
	return e.current.asked.Load(), e.current.came.Load()
}

// A save is there without being asked for.
func TestSavesArePrefetched(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	p.start()
	p.same()
	foldertest.Put(t, a, "before", "1") // the first update after a new stream is the model's
	arrives(t, b, "before", "1")
	p.same()
	before, _ := p.remote.engine.blocks()
	foldertest.Put(t, a, "saved", "2")
	arrives(t, b, "saved", "2")
	if asked, came := p.remote.engine.blocks(); asked != before || came == 0 {
		t.Errorf("%d blocks were asked for, %d before; %d were prefetched", asked, before, came)
	}
}

// said is a stream of a far end that does not listen.
type said struct{ io.Reader }

func (said) Write(p []byte) (int, error) { return len(p), nil }
func (said) Close() error                { return nil }

func FuzzFramed(f *testing.F) {
	f.Add(frame.Append(frame.Append(nil, frameBlock, []byte("x")), frameModel, message("\x08\x01", "y")))
	f.Add([]byte{frameBlock, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, stream []byte) {
		framed := newFramed(said{bytes.NewReader(stream)})
		_, _ = io.Copy(io.Discard, framed)
		if framed.size < 0 || framed.size > prefetchBatch+prefetchFile {
			t.Errorf("%d bytes are kept", framed.size)
		}
	})
}
