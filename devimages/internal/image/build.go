package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image makes the image of a definition.
func (b *Builder) Image(ctx context.Context, d Definition) (v1.Image, error) {
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return nil, err
	}
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	for _, l := range d.Layers {
		file, err := b.layer(ctx, l)
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
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config.User, config.Config.WorkingDir, config.Config.Entrypoint = d.User, d.WorkDir, d.Entrypoint
	for key, value := range d.Env {
		config.Config.Env = append(config.Config.Env, key+"="+value)
	}
	sort.Strings(config.Config.Env)
	return mutate.ConfigFile(image, config)
}

// Archive makes an image and puts its archive into a folder, as NAME.tar.
func (b *Builder) Archive(ctx context.Context, d Definition, out string) (string, error) {
	key, err := b.imageKey(ctx, d)
	if err != nil {
		return "", fmt.Errorf("image %s: %w", d.Name, err)
	}
	cached := filepath.Join(b.Cache, "image-"+d.Name+"-"+key+".tar")
	if _, err := os.Stat(cached); err != nil {
		if err := b.writeArchive(ctx, d, cached); err != nil {
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
func (b *Builder) imageKey(ctx context.Context, d Definition) (string, error) {
	definition, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, string(definition))
	for _, l := range d.Layers {
		key, err := b.key(ctx, l)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, key)
	}
	return hex.EncodeToString(sum.Sum(nil))[:20], nil
}

func (b *Builder) writeArchive(ctx context.Context, d Definition, file string) error {
	image, err := b.Image(ctx, d)
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

// Push makes an image and pushes it to a registry's folder, such as registry.example.com/team, under its own name and
// tag. It returns the reference there. Credentials are those of `docker login`.
func (b *Builder) Push(ctx context.Context, d Definition, registry string, insecure bool) (string, error) {
	image, err := b.Image(ctx, d)
	if err != nil {
		return "", fmt.Errorf("image %s: %w", d.Name, err)
	}
	own, err := name.NewTag(d.Ref)
	if err != nil {
		return "", err
	}
	var options []name.Option
	if insecure {
		options = append(options, name.Insecure)
	}
	target, err := name.NewTag(registry+"/"+filepath.Base(own.RepositoryStr())+":"+own.TagStr(), options...)
	if err != nil {
		return "", err
	}
	if err := remote.Write(target, image, remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return "", fmt.Errorf("push %s: %w", target, err)
	}
	return target.String(), nil
}
