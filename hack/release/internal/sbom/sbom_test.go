package sbom

import (
	"bytes"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/hack/release/internal/license"
	"github.com/nhctl/nhctl/hack/release/internal/linked"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	program := Program{
		Version:  "v0.1.0",
		Platform: linked.Platform{OS: "linux", Arch: "arm64"},
		Binary:   []byte("program"),
		Released: time.Unix(1_777_777_776, 0),
	}
	modules := []license.Licensed{
		{Module: linked.Module{Path: "example.com/a", Version: "v2.0.0+incompatible"}, Names: []string{"MIT"}},
		{Module: linked.Module{Path: "std", Version: "go1.26.0"}, Names: []string{"BSD-3-Clause"}},
	}
	var b bytes.Buffer
	if err := Write(&b, program, modules); err != nil {
		t.Fatal(err)
	}
	var got cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(b.Bytes()), cdx.BOMFileFormatJSON).Decode(&got); err != nil {
		t.Fatal(err)
	}
	self := "pkg:golang/github.com/nhctl/nhctl@v0.1.0?goarch=arm64&goos=linux"
	first, second := "pkg:golang/example.com/a@v2.0.0%2Bincompatible", "pkg:golang/std@go1.26.0"
	var refs []string
	for _, c := range *got.Components {
		refs = append(refs, c.PackageURL+" "+(*c.Licenses)[0].License.ID)
	}
	if diff := cmp.Diff([]string{first + " MIT", second + " BSD-3-Clause"}, refs); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&[]cdx.Dependency{{Ref: self, Dependencies: &[]string{first, second}}},
		got.Dependencies); diff != "" {
		t.Errorf("dependencies (-want +got):\n%s", diff)
	}
	// echo -n program | sha256sum
	hash := "1310ca2c8932dbd118668bd97442558a3e1f546b5e15c69699dfbd6024f548d8"
	if got.SpecVersion != cdx.SpecVersion1_6 || got.Metadata.Component.BOMRef != self ||
		got.Metadata.Timestamp != "2026-05-03T03:09:36Z" || (*got.Metadata.Component.Hashes)[0].Value != hash {
		t.Errorf("metadata: %s %+v", got.SpecVersion, got.Metadata.Component)
	}
}
