package image

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
)

// recipe is raised when the way in which layers are made changes, so that caches made the old way are not used.
const recipe = "2"

// suite is the Debian release of all images.
const suite = "bookworm"

// Builder makes layers and images.
type Builder struct {
	// Repository is the root of the source tree; Cache keeps finished layers and archives.
	Repository, Cache string
	// Sidecars is the folder with the sidecar's programs, as sidecar-linux-ARCH.
	Sidecars string
	// Progress receives a line for each long step.
	Progress io.Writer

	making singleflight.Group // layers, by their keys: images have some in common
}

// standardPackages are what a service's first build needs from the standard library.
var standardPackages = []string{"net/http", "net/http/httputil", "encoding/json", "encoding/xml", "log/slog",
	"os/signal", "database/sql",
	"html/template", "testing", "embed", "flag", "net/rpc", "expvar", "net/http/pprof", "os/exec", "crypto/ed25519",
	"archive/zip"}

// layer returns the path of a layer's compressed tar, from the cache or newly made.
func (b *Builder) layer(ctx context.Context, l Layer, arch Arch) (string, error) {
	cached, err := b.cached(ctx, l, arch)
	if err != nil {
		return "", err
	}
	_, err, _ = b.making.Do(cached, func() (any, error) {
		if _, err := os.Stat(cached); err == nil {
			return nil, nil
		}
		return nil, b.make(ctx, l, arch, cached)
	})
	return cached, err
}

// cached is where a layer's compressed tar is, once it is made.
func (b *Builder) cached(ctx context.Context, l Layer, arch Arch) (string, error) {
	key, err := b.key(ctx, l, arch)
	return filepath.Join(b.Cache, "layer-"+key+".tar.gz"), err
}

// make puts a layer's compressed tar into a file.
func (b *Builder) make(ctx context.Context, l Layer, arch Arch, file string) error {
	begin := time.Now()
	description := l.describe()
	if !l.anyArch() {
		description += " for " + string(arch)
	}
	fmt.Fprintf(b.Progress, "  make layer: %s\n", description)
	work, err := os.MkdirTemp(b.Cache, "work-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	root := filepath.Join(work, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	unfinished := filepath.Join(work, "layer.tar.gz")
	if err := b.write(ctx, l, arch, root, unfinished); err != nil {
		return fmt.Errorf("make layer %s: %w", description, err)
	}
	fmt.Fprintf(b.Progress, "    made in %.0f s: %s\n", time.Since(begin).Seconds(), description)
	return publish(unfinished, file)
}

// publish gives a complete file its place in the cache, unless another checkout was quicker: what is there may be being
// read, and the same layer made twice is not the same to the byte.
func publish(complete, file string) error {
	if err := os.Link(complete, file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (b *Builder) write(ctx context.Context, l Layer, arch Arch, root, file string) error {
	if len(l.Debian) > 0 {
		return b.debian(ctx, l, arch, root, file)
	}
	if err := b.fill(ctx, l, arch, root); err != nil {
		return err
	}
	var modified time.Time
	if l.GoCache != "" {
		modified = time.Now() // go removes what has not been used for days
	}
	return compress(file, func(w io.Writer) error { return writeTree(w, root, l.open(), modified) })
}

func (l Layer) describe() string {
	switch {
	case len(l.Debian) > 0:
		return "Debian with " + strings.Join(l.Debian, ", ")
	case l.Busybox != "":
		return "Debian's busybox"
	case l.GoToolchain != "":
		return "Go toolchain"
	case l.GoCache != "":
		return "build cache of Go's standard library"
	case l.GoBuild != nil:
		return "Go program " + l.GoBuild.To
	case l.Npm != nil:
		return "npm " + l.Npm.Version
	case l.NpmPackages != nil:
		return "npm's packages of " + l.NpmPackages.From
	case l.Copy != nil:
		return "folder " + l.Copy.From
	default:
		return "sidecar"
	}
}

// open says whether any user of the image may change what the layer brings: what lies in the user's home.
func (l Layer) open() bool { return l.GoCache != "" || l.Copy != nil }

// anyArch says whether a layer is the same for every architecture.
func (l Layer) anyArch() bool { return l.Npm != nil || l.Copy != nil }

// key is a digest of everything that a layer's content follows from.
func (b *Builder) key(ctx context.Context, l Layer, arch Arch) (string, error) {
	if l.anyArch() {
		arch = "all"
	}
	sum := sha256.New()
	definition, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	fmt.Fprintln(sum, recipe, suite, arch, string(definition))
	switch {
	case l.GoToolchain != "" || l.GoCache != "":
		fmt.Fprintln(sum, runtime.Version())
	case l.GoBuild != nil && l.GoBuild.Dir != "":
		fmt.Fprintln(sum, runtime.Version())
		err = hashTree(sum, filepath.Join(b.Repository, l.GoBuild.Dir))
	case l.GoBuild != nil && l.GoBuild.Version != "":
		fmt.Fprintln(sum, runtime.Version())
	case l.GoBuild != nil:
		fmt.Fprintln(sum, runtime.Version())
		err = b.hashDependencies(ctx, sum, l.GoBuild.Package, arch)
	case l.NpmPackages != nil:
		err = hashTree(sum, filepath.Join(b.Repository, l.NpmPackages.From))
	case l.Copy != nil:
		err = hashTree(sum, filepath.Join(b.Repository, l.Copy.From))
	case l.Sidecar != "":
		if b.Sidecars == "" {
			return "", errors.New("the sidecar image needs --sidecars, the folder with its programs")
		}
		err = hashFile(sum, b.sidecar(arch))
	}
	return hex.EncodeToString(sum.Sum(nil))[:20], err
}

// sidecar is the sidecar's program for an architecture.
func (b *Builder) sidecar(arch Arch) string {
	return filepath.Join(b.Sidecars, "sidecar-linux-"+string(arch))
}

// hashDependencies hashes the modules that a package of another module comes from.
func (b *Builder) hashDependencies(ctx context.Context, w io.Writer, pkg string, arch Arch) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}}{{end}}", pkg)
	cmd.Dir, cmd.Stdout, cmd.Env = b.Repository, w, arch.environ()
	return cmd.Run()
}

func hashTree(w io.Writer, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		fmt.Fprintln(w, rel)
		return hashFile(w, path)
	})
}

func hashFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// compress writes a gzip file fast rather than small: most archives only travel to a node on the same computer.
func compress(file string, write func(io.Writer) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := write(z); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Close()
}

// writeTree writes a folder as a tar with root as the owner and one time, so that the same content is the same layer.
func writeTree(w io.Writer, root string, open bool, modified time.Time) error {
	t := tar.NewWriter(w)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = os.Readlink(path); err != nil {
				return err
			}
		}
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		*h = tar.Header{
			Typeflag: h.Typeflag,
			Name:     filepath.ToSlash(rel),
			Linkname: h.Linkname,
			Size:     h.Size,
			Mode:     h.Mode,
			ModTime:  modified,
			Format:   tar.FormatPAX,
		}
		if open { // any user of the image may add to it
			h.Mode |= 0o666
			if info.IsDir() && rel != "home" {
				h.Mode |= 0o777
			}
		}
		if err := t.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(t, f)
		return err
	})
	if err != nil {
		return err
	}
	return t.Close()
}
