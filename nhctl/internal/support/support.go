// Package support makes a bundle for those who help with a problem: versions, the daemon's log, sessions, and what the
// cluster has of them. No part of it has a secret's value: what may be one is replaced before it is collected.
package support

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/doctor"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// File is a part of a bundle.
type File struct {
	Name string `json:"name"`
	// About says what is in it.
	About string `json:"about"`
	Text  []byte `json:"-"`
	// Size is that of Text, in bytes.
	Size int `json:"size"`
}

// Source is where a bundle's parts come from.
type Source struct {
	Dirs userdirs.Dirs
	// Versions are those of this program and of the daemon, by what they are of.
	Versions map[string]string
	// Sessions are this computer's; Unlisted says why they are not known.
	Sessions []rpc.Session
	Unlisted error
	// Doctor runs the checks of the caller's cluster.
	Doctor func(context.Context) []doctor.Finding
	// Cluster leads to a session's cluster and namespace.
	Cluster func(rpc.Session) (*kube.Client, error)
}

// limit limits how long one cluster is asked.
const limit = 30 * time.Second

// Collect returns the parts of a bundle. What can't be collected is in the part errors.txt, with the reason.
func Collect(ctx context.Context, s Source) []File {
	b := &bundle{}
	b.json("versions.json", "versions of nhctl, its daemon, Go and the system", s.Versions)
	b.failed("list the sessions", s.Unlisted)
	b.json("sessions.json", "this computer's sessions, as `nhctl dev list --all-clusters` shows them",
		append([]rpc.Session{}, s.Sessions...))
	b.json("doctor.json", "what `nhctl doctor` finds", s.Doctor(ctx))
	b.log(s.Dirs)
	b.state(s.Dirs)
	for _, session := range s.Sessions {
		b.cluster(ctx, s, session)
	}
	if len(b.errors) > 0 {
		b.add("errors.txt", "what could not be collected, and why", []byte(strings.Join(b.errors, "\n")+"\n"))
	}
	return append([]File{readme(b.files)}, b.files...)
}

// Contents says what no bundle has, and what every one has.
const Contents = `It has no tokens, no sources, and no values of Secrets, ConfigMaps, environment variables,
annotations, commands and arguments. It names your cluster, workloads and folders: look at it before you send it to
anyone.
`

// readme says to whoever opens the bundle what is in it, and where to begin.
func readme(files []File) File {
	var text bytes.Buffer
	text.WriteString("`nhctl support` wrote these files, for whoever helps with a problem of nhctl.\n\n")
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, f := range files {
		fmt.Fprintf(table, "  %s\t%s\n", f.Name, f.About)
	}
	_ = table.Flush() // a buffer takes everything
	text.WriteString(`
Begin with the checks in doctor.json whose state is failed or warning, and with errors.txt if it is there. Then read
the lines with level=WARN and level=ERROR at the end of daemon/daemon.log.

` + Contents)
	return File{Name: "README.txt", About: "this list, and where to begin", Text: text.Bytes(), Size: text.Len()}
}

// bundle collects files.
type bundle struct {
	files  []File
	errors []string
}

func (b *bundle) add(name, about string, text []byte) {
	b.files = append(b.files, File{Name: name, About: about, Text: text, Size: len(text)})
}

func (b *bundle) failed(what string, err error) {
	if err != nil {
		b.errors = append(b.errors, what+": "+err.Error())
	}
}

func (b *bundle) json(name, about string, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		b.failed(name, err)
		return
	}
	b.add(name, about, Text(append(text, '\n')))
}

// maxLog is how much of a log is taken, from its end, in bytes.
const maxLog = 4 << 20

func (b *bundle) log(dirs userdirs.Dirs) {
	for _, path := range append(dirs.Logs(), dirs.Output()) {
		about := "the daemon's log"
		if path == dirs.Output() {
			about = "what the daemon printed, as when it crashed"
		}
		text, err := end(path, maxLog)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			b.failed("read the daemon's log", err)
		default:
			b.add("daemon/"+filepath.Base(path), about, Text(text))
		}
	}
}

// end is the end of a file, at most some bytes.
func end(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-most), most))
}

// maxListed is how many files of the state folder are listed.
const maxListed = 5000

// state lists the files of the state folder, without what is in them.
func (b *bundle) state(dirs userdirs.Dirs) {
	var text strings.Builder
	listed := 0
	err := filepath.WalkDir(dirs.State, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if listed++; listed > maxListed {
			fmt.Fprintf(&text, "more than %d files\n", maxListed)
			return filepath.SkipAll
		}
		if info, err := entry.Info(); err == nil {
			name, _ := filepath.Rel(dirs.State, path)
			fmt.Fprintf(&text, "%s %10d %s\n", info.ModTime().UTC().Format(time.RFC3339), info.Size(),
				filepath.ToSlash(name))
		}
		return nil
	})
	b.failed("list "+dirs.State, err)
	b.add("state.txt", "names and sizes of the files in nhctl's own folder", []byte(text.String()))
}

// Write writes a bundle as a zip file, for the user alone. A file that is there already is an error.
func Write(path string, files []File, made time.Time) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	archive := zip.NewWriter(f)
	for _, file := range files {
		var w io.Writer
		if w, err = archive.CreateHeader(&zip.FileHeader{
			Name:     file.Name,
			Method:   zip.Deflate,
			Modified: made,
		}); err != nil {
			break
		}
		if _, err = w.Write(file.Text); err != nil {
			break
		}
	}
	if err := errors.Join(err, archive.Close(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
