package docs

import (
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
)

// Versions is the table of the versions of Kubernetes.
func Versions() string {
	return fmt.Sprintf(`| | |
|---|---|
| needed | 1.%[1]d or newer (SelfSubjectReview v1, by which nhctl learns who you are) |
| tested | %[2]s, with every change: all [scenarios](scenarios.md) run on a real API server, kubelet and containerd; `+
		`their core set on %[3]s, before a release |
| supported | the minor versions that Kubernetes itself supports, and those back to 1.%[1]d as long as `+
		`nothing that nhctl needs is missing there |

`, kube.OldestMinor, kube.Minors(kube.AlwaysTested), kube.Minors(kube.CoreTested()...)) +
		"`nhctl doctor` says which versions are supported, and whether the cluster's is.\n"
}
