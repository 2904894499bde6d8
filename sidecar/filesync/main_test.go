package filesync

import (
	"os"
	"testing"

	"github.com/nhctl/nhctl/sidecar/paralleltest"
)

func TestMain(m *testing.M) {
	paralleltest.AtOnce(8)
	os.Exit(m.Run())
}
