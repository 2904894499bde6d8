package folders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

func (f *Folder) versionsThere(ctx context.Context, rel string) ([]kept.Version, error) {
	var versions []kept.Version
	path := control.PathVersions(f.ID) + "?path=" + url.QueryEscape(rel)
	return versions, f.Session.Call(ctx, http.MethodGet, path, nil, &versions)
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
	path := control.PathVersion(f.ID) + "?id=" + url.QueryEscape(v.ID)
	return f.Session.Ask(ctx, http.MethodGet, path, nil, func(answer io.Reader) error {
		_, err := f.engine.Import(v.ID, bound.Reader(answer, v.Bytes))
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: %w", sidecarclient.ErrLost, err)
		}
		return err
	})
}
