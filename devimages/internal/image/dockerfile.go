package image

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"path"
	"runtime"
	"slices"
	"strings"
)

// Dockerfile writes a definition for those who build with Docker; its context is the root of the source tree.
func (b *Builder) Dockerfile(ctx context.Context, d Definition) (string, error) {
	var stages, steps []string
	golang := "golang:" + minor(runtime.Version())
	for i, l := range d.Layers {
		switch {
		case len(l.Debian) > 0:
			steps = append(steps, debianSteps(l)...)
		case l.GoToolchain != "":
			steps = append(steps, fmt.Sprintf("COPY --from=%s /usr/local/go %s", golang, l.GoToolchain))
		case l.GoBuild != nil && l.GoBuild.Dir == "":
			version, err := b.moduleVersion(ctx, l.GoBuild.Package)
			if err != nil {
				return "", err
			}
			stage := fmt.Sprintf("build%d", i)
			stages = append(stages,
				fmt.Sprintf("FROM %s AS %s\nRUN CGO_ENABLED=0 GOBIN=/out go install -trimpath -ldflags '-s -w' %s@%s\n",
					golang, stage, l.GoBuild.Package, version))
			steps = append(steps,
				fmt.Sprintf("COPY --from=%s /out/%s %s", stage, path.Base(l.GoBuild.Package), l.GoBuild.To))
		case l.GoCache != "":
			steps = append(steps, cacheStep(d, l.GoCache))
		case l.Npm != nil:
			stage := fmt.Sprintf("build%d", i)
			stages = append(stages, fmt.Sprintf("FROM node:18 AS %s\nRUN npm install --global --prefix /out npm@%s\n",
				stage, l.Npm.Version))
			steps = append(steps, fmt.Sprintf("COPY --from=%s /out %s", stage, l.Npm.To))
		case l.Copy != nil:
			steps = append(steps, fmt.Sprintf("COPY --chmod=0777 %s %s", l.Copy.From, l.Copy.To))
		default:
			return "", fmt.Errorf("image %s: no Dockerfile can have the layer: %s", d.Name, l.describe())
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.Env)) {
		steps = append(steps, fmt.Sprintf("ENV %s=%q", key, d.Env[key]))
	}
	steps = append(steps, "USER "+d.User, "WORKDIR "+d.WorkDir)
	head := fmt.Sprintf("# %s\n# Written by `go generate ./devimages` of devimages/definitions/%s.yaml. Build it at "+
		"the root of the source tree:\n#   docker build -f devimages/dockerfiles/%[2]s.Dockerfile -t %[3]s .\n",
		d.About, d.Name, d.Ref)
	return head + strings.Join(append(stages, strings.Join(steps, "\n")+"\n"), "\n"), nil
}

// debianSteps make the root file system that debian makes too.
func debianSteps(l Layer) []string {
	release := suite
	if l.Suite != "" {
		release = l.Suite
	}
	steps := []string{"FROM debian:" + release + "-slim"}
	exclude := ""
	for _, p := range l.Exclude {
		exclude += "path-exclude=" + p + `\n`
	}
	if exclude != "" {
		steps = append(steps, fmt.Sprintf("RUN printf '%s' > /etc/dpkg/dpkg.cfg.d/exclude", exclude))
	}
	return append(steps,
		"RUN mkdir -p /usr/share/man/man1 \\\n && apt-get update \\\n && apt-get install -y --no-install-recommends "+
			strings.Join(l.Debian, " ")+" \\\n && rm -rf /var/lib/apt/lists/*",
		"RUN useradd --uid 1000 --user-group --create-home --shell /bin/bash dev && chmod 0777 /home/dev")
}

// cacheStep warms a build cache as fillCache does.
func cacheStep(d Definition, dir string) string {
	packages := strings.Join(standardPackages, " ")
	return fmt.Sprintf("RUN export PATH=%s CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOCACHE=%s \\\n && go build %s "+
		"\\\n && go build '-gcflags=all=-N -l' %[3]s \\\n && chmod -R a+rwX /home/dev",
		d.Env["PATH"], dir, packages)
}

// moduleVersion is the version of the module that a package comes from, as this source tree requires it.
func (b *Builder) moduleVersion(ctx context.Context, pkg string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-f", "{{.Module.Version}}", pkg)
	cmd.Dir = b.Repository
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find the version of %s: %w", pkg, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// minor is a Go version without its patch: 1.26 of go1.26.8.
func minor(version string) string {
	parts := strings.Split(strings.TrimPrefix(version, "go"), ".")
	return strings.Join(parts[:min(2, len(parts))], ".")
}
