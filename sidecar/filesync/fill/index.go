package fill

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"

	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// placed is a file, folder or link that a fill has put in place.
type placed struct {
	kind     protocol.FileInfoType
	perm     uint32
	size     int64
	modified int64 // nanoseconds since 1970
	sum      [sha256.Size]byte
}

// newPlaced describes what was placed; data is a file's content, or a link's target.
func newPlaced(i protocol.FileInfo, data []byte) *placed {
	if i.IsSymlink() {
		data = i.SymlinkTarget
	}
	return &placed{i.Type, i.Permissions, i.Size, i.ModTime().UnixNano(), contentSum(data)}
}

// is says whether an index entry describes it.
func (p placed) is(i protocol.FileInfo) bool {
	if i.Deleted || i.IsInvalid() || i.Type != p.kind {
		return false
	}
	switch {
	case i.IsSymlink():
		return contentSum(i.SymlinkTarget) == p.sum
	case i.Permissions != p.perm && !i.NoPermissions:
		return false
	case i.IsDirectory():
		return true
	}
	return i.Size == p.size && i.ModTime().UnixNano() == p.modified && entrySum(i) == p.sum
}

// contentSum is the sum of the sums of a file's blocks, and entrySum the one that an index entry has.
func contentSum(data []byte) [sha256.Size]byte {
	sums := sha256.New()
	for first := true; first || len(data) > 0; first = false {
		block := data[:min(len(data), protocol.MinBlockSize)]
		sum := sha256.Sum256(block)
		sums.Write(sum[:])
		data = data[len(block):]
	}
	return [sha256.Size]byte(sums.Sum(nil))
}

func entrySum(i protocol.FileInfo) [sha256.Size]byte {
	sums := sha256.New()
	for _, b := range i.Blocks {
		sums.Write(b.Hash)
	}
	return [sha256.Size]byte(sums.Sum(nil))
}

// untouched says whether it is still what was placed, by what is there now.
func (p placed) untouched(info os.FileInfo) bool {
	switch {
	case p.kind == protocol.FileInfoTypeDirectory:
		return info.IsDir()
	case p.kind != protocol.FileInfoTypeFile:
		return info.Mode()&os.ModeSymlink != 0
	}
	return info.Mode().IsRegular() && info.Size() == p.size && info.ModTime().UnixNano() == p.modified
}

// batched is how many entries the index gets at once.
const batched = 500

// learn tells the index what the peer's has, and which of it is here. It comes last: without it, the engine that is
// opened next takes the files for what they are, and compares the two sides.
func (r *receiver) learn(reader itemReader) error {
	var here, there []protocol.FileInfo
	tell := func() {
		r.index.Update(r.Peer, there)
		r.index.Update(protocol.LocalDeviceID, here)
		here, there = here[:0], there[:0]
	}
	for {
		entry, index, more, err := reader.indexEntry()
		if err != nil {
			return fmt.Errorf("receive the index: %w", err)
		}
		if !more {
			tell()
			return r.commit(index)
		}
		there = append(there, entry)
		if i, ok := r.has(entry); ok {
			here = append(here, i)
		}
		if len(there) >= batched {
			tell()
		}
	}
}

// has returns the entry that this side's index gets where the peer's has one.
func (r *receiver) has(i protocol.FileInfo) (protocol.FileInfo, bool) {
	was, ok := r.placed[i.Name]
	switch {
	case !ok:
		return i, false
	case was.is(i):
		delete(r.placed, i.Name)
		return i, true
	case !isFile(i) || was.kind != protocol.FileInfoTypeFile:
		return i, false // it is no more
	}
	delete(r.placed, i.Name)
	return r.older(i, was)
}

// older is the entry of a file that was written once more after it was sent: what is here is a state before the peer's.
func (r *receiver) older(i protocol.FileInfo, was placed) (protocol.FileInfo, bool) {
	data, err := r.read(i.Name, was)
	if err != nil || contentSum(data) != was.sum || len(i.Version.Counters) == 0 {
		return i, false
	}
	blocks, err := scanner.Blocks(context.Background(), bytes.NewReader(data), protocol.MinBlockSize, was.size, nil,
		false)
	if err != nil {
		return i, false
	}
	i.Size, i.Permissions, i.ModifiedS, i.ModifiedNs = was.size, was.perm, was.modified/1e9, int32(was.modified%1e9)
	i.RawBlockSize, i.Blocks, i.BlocksHash = protocol.MinBlockSize, blocks, protocol.BlocksHash(blocks)
	i.Version = protocol.Vector{Counters: []protocol.Counter{{ID: i.Version.Counters[0].ID, Value: 1}}}
	return i, true
}

// read returns the content of a file that no one has changed since it was placed.
func (r *receiver) read(name string, was placed) ([]byte, error) {
	e, err := rooted.Open(r.Root, filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	defer e.Close()
	data, err := e.Dir.ReadFile(e.Name)
	if err != nil {
		return nil, err
	}
	info, err := e.Lstat()
	if err != nil || !was.untouched(info) {
		return nil, errors.Join(err, os.ErrNotExist)
	}
	return data, nil
}

// commit puts the index in place.
func (r *receiver) commit(index protocol.IndexID) error {
	r.clear()
	r.index.SetIndexID(r.Peer, index)
	r.low.Close()
	if err := os.Rename(r.coming(), r.Index); err != nil {
		return fmt.Errorf("put the index in place: %w", err)
	}
	return r.Joined()
}

// clear removes what came and is no more on the other side: the index would take it for new here, and bring it back
// there.
func (r *receiver) clear() {
	names := slices.Sorted(maps.Keys(r.placed))
	for _, name := range slices.Backward(names) {
		_ = r.remove(name, r.placed[name]) // a folder with files of someone else's stays
	}
}

// remove removes what was placed, unless it has changed since.
func (r *receiver) remove(name string, was placed) error {
	e, err := rooted.Open(r.Root, filepath.FromSlash(name))
	if err != nil {
		return err
	}
	defer e.Close()
	if info, err := e.Lstat(); err != nil || !was.untouched(info) {
		return err
	}
	return e.Remove()
}

// forget drops the index in the making.
func (r *receiver) forget() error {
	r.low.Close()
	return os.RemoveAll(r.coming())
}
