package filesync

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"sync"

	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/frame"
)

// The kinds of frames on a stream between two engines.
const (
	frameModel byte = iota // of the model's own protocol
	frameBlock             // a block of a file that the peer is about to ask for
)

const (
	// prefetchFile is the greatest file that is prefetched, one block; prefetchBatch limits those of one update, and
	// what is kept unasked for.
	prefetchFile  = protocol.MinBlockSize
	prefetchBatch = 4 << 20
)

// framed is a stream that carries, next to the model's protocol, blocks that no one has asked for yet: an answer that
// is there before the question saves the way there and back. Whoever misses one asks for it as ever.
type framed struct {
	stream io.ReadWriteCloser
	reader *bufio.Reader
	left   int64 // of the model's frame that is being read

	writing sync.Mutex
	frame   []byte

	mu     sync.Mutex
	blocks map[[sha256.Size]byte][]byte
	oldest [][sha256.Size]byte
	size   int
}

func newFramed(stream io.ReadWriteCloser) *framed {
	return &framed{stream: stream, reader: bufio.NewReaderSize(stream, 64<<10), blocks: map[[sha256.Size]byte][]byte{}}
}

func (f *framed) Write(p []byte) (int, error) {
	if err := f.send(frameModel, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *framed) send(kind byte, data []byte) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.frame = frame.Append(f.frame[:0], kind, data)
	_, err := f.stream.Write(f.frame)
	if cap(f.frame) > prefetchFile*2 {
		f.frame = nil
	}
	return err
}

// Read returns what is the model's, and keeps the blocks that come between.
func (f *framed) Read(p []byte) (int, error) {
	for f.left == 0 {
		kind, length, err := frame.ReadHeader(f.reader)
		switch {
		case err != nil:
			return 0, err
		case kind == frameModel:
			if err := f.checkModel(length); err != nil {
				return 0, fmt.Errorf("read from the other sync engine: %w", err)
			}
			f.left = int64(length)
		case kind == frameBlock && length <= prefetchFile:
			data := make([]byte, length)
			if _, err := io.ReadFull(f.reader, data); err != nil {
				return 0, err
			}
			f.addBlock(data)
		default:
			return 0, fmt.Errorf("read from the other sync engine: a frame of kind %d with %d bytes", kind, length)
		}
	}
	n, err := f.reader.Read(p[:min(int64(len(p)), f.left)])
	f.left -= int64(n)
	return n, err
}

func (f *framed) Close() error { return f.stream.Close() }

func (f *framed) addBlock(data []byte) {
	hash := sha256.Sum256(data)
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.blocks[hash]; known {
		return
	}
	for len(f.oldest) > 0 {
		first, waits := f.blocks[f.oldest[0]]
		if waits && f.size+len(data) <= prefetchBatch {
			break
		}
		f.size -= len(first)
		delete(f.blocks, f.oldest[0])
		f.oldest = f.oldest[1:]
	}
	f.blocks[hash], f.oldest, f.size = data, append(f.oldest, hash), f.size+len(data)
}

// takeBlock returns a prefetched block, once.
func (f *framed) takeBlock(hash []byte) ([]byte, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(hash) != sha256.Size {
		return nil, false
	}
	key := [sha256.Size]byte(hash)
	data, ok := f.blocks[key]
	f.size -= len(data)
	delete(f.blocks, key)
	return data, ok
}

// Request asks for a block, unless it is there already.
func (c *eager) Request(ctx context.Context, req *protocol.Request) ([]byte, error) {
	if data, ok := c.stream.takeBlock(req.Hash); ok && len(data) == req.Size {
		c.came.Add(1)
		return data, nil
	}
	c.asked.Add(1)
	return c.Connection.Request(ctx, req)
}

// sendPrefetch sends the small files of an update that this side made, before the peer hears of them.
func (c *eager) sendPrefetch(update *protocol.IndexUpdate) error {
	left := prefetchBatch
	for _, f := range update.Files {
		if f.ModifiedBy != c.me || f.Deleted || f.IsInvalid() || f.Type != protocol.FileInfoTypeFile ||
			len(f.Blocks) != 1 || f.Size > prefetchFile {
			continue
		}
		if left -= int(f.Size); left < 0 {
			return nil
		}
		block := f.Blocks[0]
		answer, err := c.model.Request(c, &protocol.Request{
			Folder: update.Folder,
			Name:   f.Name,
			Size:   block.Size,
			Hash:   block.Hash,
		})
		if err != nil {
			continue // it changed again
		}
		err = c.stream.send(frameBlock, answer.Data())
		answer.Close()
		if err != nil {
			return fmt.Errorf("prefetch %s: %w", f.Name, err)
		}
	}
	return nil
}
