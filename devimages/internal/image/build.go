package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image makes the image of a definition for one architecture.
func (b *Builder) Image(ctx context.Context, d Definition, arch Arch) (v1.Image, error) {
	if !slices.Contains(d.Arches(), arch) {
		return nil, fmt.Errorf("this machine makes it only for %v", d.Arches())
	}
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return nil, err
	}
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	for _, l := range d.Layers {
		file, err := b.layer(ctx, l, arch)
		if err != nil {
			return nil, err
		}
		layer, err := tarball.LayerFromFile(file, tarball.WithMediaType(types.OCILayer))
		if err != nil {
			return nil, err
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return nil, err
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", string(arch)
	config.Config.User, config.Config.WorkingDir, config.Config.Entrypoint = d.User, d.WorkDir, d.Entrypoint
	for key, value := range d.Env {
		config.Config.Env = append(config.Config.Env, key+"="+value)
	}
	sort.Strings(config.Config.Env)
	return mutate.ConfigFile(image, config)
}

// Archive makes an image and puts its archive into a folder, as NAME.tar. Archives for another architecture than this
// machine's have a folder of its name there, since all architectures of an image have one reference.
func (b *Builder) Archive(ctx context.Context, d Definition, arch Arch, out string) (string, error) {
	if arch != Host() {
		out = filepath.Join(out, string(arch))
	}
	key, err := b.imageKey(ctx, d, arch)
	if err != nil {
		return "", fmt.Errorf("image %s: %w", d.Name, err)
	}
	cached := filepath.Join(b.Cache, "image-"+d.Name+"-"+key+".tar")
	if _, err := os.Stat(cached); err != nil {
		if err := b.writeArchive(ctx, d, arch, cached); err != nil {
			return "", fmt.Errorf("image %s: %w", d.Name, err)
		}
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", err
	}
	link := filepath.Join(out, d.Name+".tar")
	if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
		return "", err
	}
	return link, os.Symlink(cached, link)
}

// imageKey is a digest of everything that an image follows from, without making it.
func (b *Builder) imageKey(ctx context.Context, d Definition, arch Arch) (string, error) {
	definition, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, arch, string(definition))
	for _, l := range d.Layers {
		key, err := b.key(ctx, l, arch)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, key)
	}
	return hex.EncodeToString(sum.Sum(nil))[:20], nil
}

func (b *Builder) writeArchive(ctx context.Context, d Definition, arch Arch, file string) error {
	image, err := b.Image(ctx, d, arch)
	if err != nil {
		return err
	}
	ref, err := name.ParseReference(d.Ref)
	if err != nil {
		return err
	}
	// A folder of its own, since another checkout may be making the same image.
	work, err := os.MkdirTemp(b.Cache, "work-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	unfinished := filepath.Join(work, "image.tar")
	if err := tarball.WriteToFile(unfinished, ref, image); err != nil {
		return err
	}
	return publish(unfinished, file)
}
