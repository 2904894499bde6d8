package filesync

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

// untouched says whether nobody has changed it since.
func (p placed) untouched(path string) bool {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return false
	case p.kind == protocol.FileInfoTypeDirectory:
		return info.IsDir()
	case p.kind != protocol.FileInfoTypeFile:
		return info.Mode()&os.ModeSymlink != 0
	}
	return info.Mode().IsRegular() && info.Size() == p.size && info.ModTime().UnixNano() == p.modified
}

// batched is how many entries the index gets at once.
const batched = 500

// learn tells the index what the peer's has, and which of it is here. It comes last: without it, the engine that is opened next takes the
// files for what they are, and compares the two sides.
func (f *filling) learn(reader pourReader) error {
	var here, there []protocol.FileInfo
	tell := func() {
		f.index.Update(f.peer, there)
		f.index.Update(protocol.LocalDeviceID, here)
		here, there = here[:0], there[:0]
	}
	for {
		entry, index, more, err := reader.indexEntry()
		if err != nil {
			return fmt.Errorf("receive the index: %w", err)
		}
		if !more {
			tell()
			return f.commit(index)
		}
		there = append(there, entry)
		if i, ok := f.has(entry); ok {
			here = append(here, i)
		}
		if len(there) >= batched {
			tell()
		}
	}
}

// has returns the entry that this side's index gets where the peer's has one.
func (f *filling) has(i protocol.FileInfo) (protocol.FileInfo, bool) {
	was, ok := f.placed[i.Name]
	switch {
	case !ok:
		return i, false
	case was.is(i):
		delete(f.placed, i.Name)
		return i, true
	case !isFile(i) || was.kind != protocol.FileInfoTypeFile:
		return i, false // it is no more
	}
	delete(f.placed, i.Name)
	return f.older(i, was)
}

// older is the entry of a file that was written once more after it was sent: what is here is a state before the peer's.
func (f *filling) older(i protocol.FileInfo, was placed) (protocol.FileInfo, bool) {
	path := filepath.Join(f.config.Root, filepath.FromSlash(i.Name))
	data, err := os.ReadFile(path)
	if err != nil || !was.untouched(path) || contentSum(data) != was.sum || len(i.Version.Counters) == 0 {
		return i, false
	}
	blocks, err := scanner.Blocks(context.Background(), bytes.NewReader(data), protocol.MinBlockSize, was.size, nil, false)
	if err != nil {
		return i, false
	}
	i.Size, i.Permissions, i.ModifiedS, i.ModifiedNs = was.size, was.perm, was.modified/1e9, int32(was.modified%1e9)
	i.RawBlockSize, i.Blocks, i.BlocksHash = protocol.MinBlockSize, blocks, protocol.BlocksHash(blocks)
	i.Version = protocol.Vector{Counters: []protocol.Counter{{ID: i.Version.Counters[0].ID, Value: 1}}}
	return i, true
}

// commit puts the index in place.
func (f *filling) commit(index protocol.IndexID) error {
	f.clear()
	f.index.SetIndexID(f.peer, index)
	f.low.Close()
	if err := os.Rename(filepath.Join(f.config.StateDir, newIndex), filepath.Join(f.config.StateDir, indexDir)); err != nil {
		return fmt.Errorf("put the index in place: %w", err)
	}
	return errors.Join(os.WriteFile(filepath.Join(f.config.StateDir, peerFile), []byte(f.instance), 0o600),
		os.WriteFile(filepath.Join(f.config.StateDir, joinedFile), nil, 0o600))
}

// clear removes what came and is no more on the other side: the index would take it for new here, and bring it back there.
func (f *filling) clear() {
	names := slices.Sorted(maps.Keys(f.placed))
	for _, name := range slices.Backward(names) {
		if path := filepath.Join(f.config.Root, filepath.FromSlash(name)); f.placed[name].untouched(path) {
			_ = os.Remove(path) // a folder with files of somebody else's stays
		}
	}
}

// forget drops the index in the making.
func (f *filling) forget() error {
	f.low.Close()
	return os.RemoveAll(filepath.Join(f.config.StateDir, newIndex))
}
