package devsession_test

import (
	"log/slog"
	"maps"
	"slices"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc/rpcschema"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/topics"
	"github.com/nhctl/nhctl/nhctl/internal/devsession"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// The protocol's schema describes every method that the daemon answers.
func TestEveryMethodIsDescribed(t *testing.T) {
	t.Parallel()
	logger := slog.New(slog.DiscardHandler)
	r := registry.New(userdirs.Dirs{}, logger)
	kind := devsession.New(userdirs.Dirs{}, logger, r)
	answered := slices.Collect(maps.Keys(kind.Methods()))
	answered = slices.AppendSeq(answered, maps.Keys(kind.Consoles()))
	answered = slices.AppendSeq(answered, maps.Keys(topics.New(logger, r).Methods()))
	for _, method := range answered {
		if rpcschema.Methods()[method].Result == nil {
			t.Errorf("%s has no described result", method)
		}
	}
}
