package folders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarclient"
	"github.com/nhctl/nhctl/sidecar/bound"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// CopyVersions keeps here the versions that the pod keeps and that no one has decided about: the pod's volume ends with
// the session. It returns how many there were; workload is the session's, as an argument.
func (s Set) CopyVersions(ctx context.Context, workload string) (copied int, err error) {
	var large []kept.Version
	for _, f := range s {
		versions, err := f.undecidedThere(ctx)
		if err != nil {
			return copied, fmt.Errorf("list the versions that the pod keeps: %w", err)
		}
		files, links := withoutLinks(versions)
		for _, v := range links {
			text := fmt.Sprintf("%s is a link to %s in the container, which no one has decided about: "+
				"links are not kept on this computer", v.Path, v.Target)
			f.Session.Emit(event.Event{Type: event.Notice, Message: text})
		}
		small, more := fitting(files, kept.MaxTravel)
		large = append(large, more...)
		n, err := f.copyVersions(ctx, small)
		copied += n
		if err != nil {
			return copied, err
		}
	}
	if len(large) > 0 {
		return copied, tooLarge(large, workload)
	}
	return copied, nil
}

// withoutLinks are the versions that are files, and those that are links.
func withoutLinks(versions []kept.Version) (files, links []kept.Version) {
	for _, v := range versions {
		if v.Target == "" {
			files = append(files, v)
		} else {
			links = append(links, v)
		}
	}
	return files, links
}

// fitting are the versions that together have at most limit bytes, and those that don't fit: the large ones.
func fitting(versions []kept.Version, limit int64) (small, large []kept.Version) {
	versions = slices.Clone(versions)
	slices.SortStableFunc(versions, func(a, b kept.Version) int { return cmp.Compare(a.Bytes, b.Bytes) })
	for i, v := range versions {
		if limit -= max(v.Bytes, 0); limit < 0 {
			return versions[:i], versions[i:]
		}
	}
	return versions, nil
}

// tooLarge is the problem of versions that are not copied: each is named, with how its content can be had.
func tooLarge(versions []kept.Version, workload string) error {
	var names, hints []string
	for _, v := range versions {
		names = append(names, fmt.Sprintf("%s (%s)", v.Path, gigabytes(v.Bytes)))
		command := "nhctl dev sync resolve --remote "
		if v.Reason == kept.First {
			command = "nhctl dev sync restore "
		}
		hints = append(hints, command+v.Path)
	}
	return problem.New(problem.SyncBlocked,
		"the container has another content of %s, which no one has decided about, "+
			"and which is too large to be kept on this computer (%s at most)",
		strings.Join(names, ", "), gigabytes(kept.MaxTravel)).
		WithHint("to have the container's content in the file itself: %s\n"+
			"to end without it: nhctl dev end --force %s", strings.Join(hints, "; "), workload)
}

func gigabytes(n int64) string { return fmt.Sprintf("%.1f GB", float64(n)/1e9) }

// maxContent is how large a version may be whose content an editor shows, in bytes. Messages to editors have it as
// text, and may have 16 MiB.
const maxContent = 8 << 20

// Content reads a version of a path that a side keeps.
func (f *Folder) Content(ctx context.Context, rel, side, id string) (content []byte, err error) {
	if err := versionOf(rel, side, id); err != nil {
		return nil, err
	}
	read := func(from io.Reader) (err error) {
		content, err = io.ReadAll(bound.Reader(from, maxContent))
		return err
	}
	if side == event.InPod {
		err = f.readThere(ctx, id, read)
	} else {
		err = f.readHere(id, read)
	}
	if large := new(bound.Error); errors.As(err, &large) {
		return nil, problem.New(problem.Refused, "this version of %s has more than %d MB", rel, maxContent>>20).
			WithHint("restore it instead")
	}
	if err != nil {
		return nil, fmt.Errorf("read a version of %s: %w", rel, err)
	}
	return content, nil
}

func (f *Folder) readHere(id string, read func(io.Reader) error) error {
	file, _, err := f.engine.Version(id)
	if err != nil {
		return err
	}
	defer file.Close()
	return read(file)
}

func (f *Folder) readThere(ctx context.Context, id string, read func(io.Reader) error) error {
	address := control.PathVersion(f.ID) + "?id=" + url.QueryEscape(id)
	return f.Session.Ask(ctx, http.MethodGet, address, nil, read)
}

// restoreVersion restores one version of a path, on the side that keeps it.
func (f *Folder) restoreVersion(ctx context.Context, rel, side, id string) (int, error) {
	if err := versionOf(rel, side, id); err != nil {
		return 0, err
	}
	if side == event.InPod {
		return f.do(ctx, control.Do{Action: control.RecoverVersion, Version: id})
	}
	return 1, f.engine.RecoverVersion(ctx, id)
}

// versionOf refuses an id that is none of a version of that path, and a side that is none.
func versionOf(rel, side, id string) error {
	if path.Dir(id) != rel || side != event.Here && side != event.InPod {
		return problem.New(problem.Usage, "%s has no version %q of the side %q", rel, id, side).
			WithHint("dev.sync.versions lists them with their ids and sides")
	}
	return nil
}

func (f *Folder) versionsThere(ctx context.Context, rel string) ([]kept.Version, error) {
	var versions []kept.Version
	address := control.PathVersions(f.ID) + "?path=" + url.QueryEscape(rel)
	return versions, f.Session.Call(ctx, http.MethodGet, address, nil, &versions)
}

func (f *Folder) undecidedThere(ctx context.Context) ([]kept.Version, error) {
	versions, err := f.versionsThere(ctx, "")
	return slices.DeleteFunc(versions, func(v kept.Version) bool {
		return v.Reason != kept.Conflict && v.Reason != kept.First
	}), err
}

// copyVersions copies versions from the pod, and returns how many are here now.
func (f *Folder) copyVersions(ctx context.Context, versions []kept.Version) (copied int, err error) {
	for _, v := range versions {
		err := f.copyVersion(ctx, v)
		if errors.Is(err, filesync.ErrProtected) { // no pod has such files, unless somebody made it say so
			f.Logger.Warn("leave a version of the pod's there", "error", err)
			continue
		}
		if err != nil {
			return copied, fmt.Errorf("copy the container's content of %s: %w", v.Path, err)
		}
		copied++
	}
	return copied, nil
}

// copyVersion copies one version; of one that is larger than the pod has said, nothing.
func (f *Folder) copyVersion(ctx context.Context, v kept.Version) error {
	return f.readThere(ctx, v.ID, func(answer io.Reader) error {
		_, err := f.engine.Import(v.ID, bound.Reader(answer, v.Bytes))
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: %w", sidecarclient.ErrLost, err)
		}
		return err
	})
}
