package image

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Registry is a folder of a registry, such as registry.example.com/team. Insecure allows one without TLS.
type Registry struct {
	Folder   string
	Insecure bool
}

// reference is where an image belongs in the registry, under its own name and tag.
func (r Registry) reference(d Definition) (name.Tag, error) {
	own, err := name.NewTag(d.Ref)
	if err != nil {
		return own, err
	}
	var options []name.Option
	if r.Insecure {
		options = append(options, name.Insecure)
	}
	return name.NewTag(r.Folder+"/"+filepath.Base(own.RepositoryStr())+":"+own.TagStr(), options...)
}

// Push makes an image for several architectures, and pushes it as one index. It returns the reference in the registry,
// and the index's digest. Credentials are those of `docker login`.
func (b *Builder) Push(ctx context.Context, t Target, to Registry) (string, v1.Hash, error) {
	target, err := to.reference(t.Definition)
	if err != nil {
		return "", v1.Hash{}, err
	}
	var index v1.ImageIndex = empty.Index
	for _, arch := range t.Arches {
		image, err := b.Image(ctx, t.Definition, arch)
		if err != nil {
			return "", v1.Hash{}, fmt.Errorf("image %s for %s: %w", t.Name, arch, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: string(arch)}},
		})
	}
	if err := remote.WriteIndex(target, index, remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return "", v1.Hash{}, fmt.Errorf("push %s: %w", target, err)
	}
	digest, err := index.Digest()
	return target.String(), digest, err
}
