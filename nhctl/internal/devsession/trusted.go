package devsession

import (
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/trust"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// trustIn is where it is kept which configs the user trusts.
func trustIn(dirs userdirs.Dirs) trust.Store { return trust.Store{Dir: dirs.Trust()} }

// trusted refuses a start whose config asks for what the user has not agreed to. A yes to all counts for this start.
func (k *Kind) trusted(p rpc.Start, asks trust.Request) error {
	if p.Yes {
		return nil
	}
	return agreed(k.dirs, asks, p.Answers)
}

// stillTrusted refuses a config that asks for other things by now than when the session began: it is read again for
// each command, and what it puts into its text goes to the pod.
func (s *Session) stillTrusted(
	file *config.File, service *config.Service, before string, answers problem.Answers,
) error {
	asks := trust.Of(file, service)
	if asks.Hash() == before {
		return nil
	}
	return agreed(s.dirs, asks, answers)
}

// agreed asks whether the user agrees to what a config asks for, unless they have. An answer is remembered.
func agreed(dirs userdirs.Dirs, asks trust.Request, answers problem.Answers) error {
	known, err := trustIn(dirs).Trusted(asks)
	switch {
	case known:
		return nil
	case err != nil:
		return fmt.Errorf("look up whether the config is trusted: %w", err)
	case answers.To(asks.Question()) != problem.Yes:
		return asks.Problem()
	}
	if err := trustIn(dirs).Trust(asks); err != nil {
		return fmt.Errorf("remember that the config is trusted: %w", err)
	}
	return nil
}
