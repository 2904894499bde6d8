package devsession

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/folders"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// agreedTo refuses an action that replaces or deletes files until the user has said yes.
func (s *Session) agreedTo(ctx context.Context, p rpc.SyncDo, all folders.Set) error {
	if p.Yes {
		return nil
	}
	question := s.syncQuestion(ctx, p.Action, all)
	if question == nil || p.Answers.To(*question) == problem.Yes {
		return nil
	}
	return problem.New(problem.Confirm, "this needs a yes: %s", question.Text).
		WithHint("agree with: nhctl dev sync %s --yes", p.Action).WithQuestion(*question)
}

// syncQuestion is what to ask before an action; nil where there is nothing to ask.
func (s *Session) syncQuestion(ctx context.Context, action rpc.SyncAction, all folders.Set) *problem.Question {
	switch action {
	case rpc.SyncOverride:
		return overriding(s.ID(), all)
	case rpc.SyncAccept:
		return accepting(s.ID(), all, all.Held(ctx))
	}
	return nil
}

// overriding asks about the folders that the call is about.
func overriding(session string, all folders.Set) *problem.Question {
	words, roots := []string{"override", session}, []string{}
	for _, f := range all {
		words, roots = append(words, f.ID+" of "+f.Root), append(roots, f.Root)
	}
	return &problem.Question{
		ID: strings.Join(words, " "),
		Text: fmt.Sprintf("whatever differs in the container from %s is replaced or deleted there",
			strings.Join(roots, ", ")),
		Choices: []problem.Choice{{ID: problem.Yes, Title: "replace and delete in the container"}},
	}
}

// accepting asks about the deletions that wait, and no others. Where none waits, there is nothing to ask.
func accepting(session string, all folders.Set, held map[string][]event.HeldData) *problem.Question {
	var deletions []string
	for _, f := range all {
		for _, h := range held[f.ID] {
			deletions = append(deletions, deletion(f.Root, h))
		}
	}
	if len(deletions) == 0 {
		return nil
	}
	text, _ := json.Marshal(held) // texts and numbers; the keys are sorted
	sum := sha256.Sum256(text)
	return &problem.Question{
		ID:      "accept " + session + " " + hex.EncodeToString(sum[:]),
		Text:    strings.Join(deletions, "; "),
		Choices: []problem.Choice{{ID: problem.Yes, Title: "delete them on the other side too"}},
	}
}

// deletion says how many files of a folder wait to be deleted, where they were, and where they are.
func deletion(root string, h event.HeldData) string {
	gone, there := "on this computer", "in the container"
	if h.Side == event.InPod {
		gone, there = there, gone
	}
	return fmt.Sprintf("%d of %d files of %s were deleted %s, and wait to be deleted %s: %s",
		h.Files, h.Of, root, gone, there, strings.Join(places(h), ", "))
}

// mostPlaces is how many places of a deletion a question names.
const mostPlaces = 5

// places are the folders of the files that were deleted, and those files that are in none; "..." stands for more.
func places(h event.HeldData) []string {
	var names []string
	for _, name := range h.Paths {
		if dir := path.Dir(name); dir != "." {
			name = dir + "/"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if shown := min(mostPlaces, len(names)); shown < len(names) || len(h.Paths) < h.Files {
		names = append(names[:shown], "...")
	}
	return names
}
