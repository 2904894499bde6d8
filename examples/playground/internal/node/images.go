package node

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/sync/errgroup"
)

// loadPause makes the sandbox image of a static program and loads it.
func loadPause(ctx context.Context, p *Plan) error {
	var layer strings.Builder
	w := tar.NewWriter(&layer)
	program, err := os.ReadFile(p.binary("pause"))
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: "pause", Mode: 0o755, Size: int64(len(program))}); err != nil {
		return err
	}
	if _, err := w.Write(program); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(layer.String())), nil
	})
	if err != nil {
		return err
	}
	image, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", goarch()
	config.Config.Entrypoint = []string{"/pause"}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return err
	}
	ref, err := name.ParseReference(pauseImage)
	if err != nil {
		return err
	}
	archive := p.path("run", "pause.tar")
	if err := tarball.WriteToFile(archive, ref, image); err != nil {
		return err
	}
	defer os.Remove(archive)
	return importArchive(ctx, p, archive)
}

func importArchive(ctx context.Context, p *Plan, archive string) error {
	_, err := run(ctx, p.binary("ctr"), "--address", p.socket(), "--namespace", "k8s.io", "images", "import", "--local",
		archive)
	return err
}

// LoadImages imports image archives that the node does not have yet, two at a time since most of it is unpacking, and
// says which.
func LoadImages(ctx context.Context, p *Plan, archives []string, out io.Writer) error {
	record := p.path("containerd", "loaded.json")
	loaded := map[string]string{} // digest of index.json (or manifest.json) by file name
	if data, err := os.ReadFile(record); err == nil {
		if err := json.Unmarshal(data, &loaded); err != nil {
			return fmt.Errorf("read %s: %w", record, err)
		}
	}
	var lock sync.Mutex // over loaded and out
	load := func(ctx context.Context, archive, digest string) error {
		begin := time.Now()
		if err := importArchive(ctx, p, archive); err != nil {
			return err
		}
		lock.Lock()
		defer lock.Unlock()
		loaded[filepath.Base(archive)] = digest
		fmt.Fprintf(out, "  load %-52s %4.1f s\n", filepath.Base(archive), time.Since(begin).Seconds())
		data, err := json.Marshal(loaded)
		if err != nil {
			return err
		}
		return writeFile(record, data)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for _, archive := range archives {
		digest, err := archiveDigest(archive)
		if err != nil {
			return errors.Join(fmt.Errorf("read image archive %s: %w", archive, err), group.Wait())
		}
		lock.Lock()
		known := loaded[filepath.Base(archive)] == digest
		lock.Unlock()
		if !known {
			group.Go(func() error { return load(ctx, archive, digest) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d images are on the node\n", len(archives))
	return nil
}

// archiveDigest is a digest of an archive's own index, which names all that is in it by digest.
func archiveDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return "", errors.New("it holds neither index.json nor manifest.json: not an image archive")
		}
		if err != nil {
			return "", err
		}
		if name := strings.TrimPrefix(h.Name, "./"); name == "index.json" || name == "manifest.json" {
			sum := sha256.New()
			if _, err := io.Copy(sum, r); err != nil {
				return "", err
			}
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
	}
}
