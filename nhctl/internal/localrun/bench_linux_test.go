package localrun

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/enclosure"
	"github.com/nhctl/nhctl/nhctl/internal/loopback"
)

// BenchmarkRun is a command in an enclosure from nothing to nothing: namespaces, device, network, the command itself,
// and the end of all of them. The cluster answers at once.
func BenchmarkRun(b *testing.B) {
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	g := &gateway{resolve: func(string) ([]netip.Addr, error) { return nil, errMissing }}
	var made, ran, closed time.Duration
	for b.Loop() {
		begin := time.Now()
		e, err := Prepare(b.Context(), enclosure.Options{
			Program: program,
			Argv:    []string{"true"},
			Env:     os.Environ(),
			Dir:     "/",
		}, "shop", Domain)
		if err != nil {
			b.Fatal(err)
		}
		made += time.Since(begin)
		begin = time.Now()
		s, err := Run(b.Context(), Options{
			Enclosure: e,
			Domain:    Domain,
			Cluster:   shop(),
			Gateway:   g,
			Notice:    func(loopback.Notice) {},
		})
		ran += time.Since(begin)
		begin = time.Now()
		e.Close()
		closed += time.Since(begin)
		if err != nil || s.Code != 0 {
			b.Fatal(s, err)
		}
	}
	for name, took := range map[string]time.Duration{"made": made, "ran": ran, "closed": closed} {
		b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), "ms-"+name)
	}
}
