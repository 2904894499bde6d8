package version

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/mod/semver"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

const (
	// latestRelease answers with the newest release that is no pre-release.
	latestRelease = "https://api.github.com/repos/nhctl/nhctl/releases/latest"
	// releasesPage is where people find it.
	releasesPage = "https://github.com/nhctl/nhctl/releases"
	// checkLimit limits the question and its answer.
	checkLimit = 5 * time.Second
	// answerLimit limits the answer's bytes; GitHub's have some ten thousand.
	answerLimit = 1 << 20
)

// release is the newest release, seen from this build.
type release struct {
	Version string `json:"version"`
	URL     string `json:"url"`
	// Newer says whether it is newer than this build.
	Newer bool `json:"newer"`
}

func (r release) says() string {
	if r.Newer {
		return fmt.Sprintf("a newer release is out: %s (%s)", r.Version, r.URL)
	}
	return fmt.Sprintf("the newest release is %s: this build is not older", r.Version)
}

// newest asks for the newest release, and compares it with the version of this build.
func newest(ctx context.Context, client *http.Client, address, current string) (release, error) {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return release{}, fmt.Errorf("ask for the newest release: %w", err)
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("User-Agent", "nhctl") // GitHub answers no one without a name
	resp, err := client.Do(req)
	if err != nil {
		return release{}, unanswered(err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return release{}, problem.New(problem.NotFound, "GitHub knows no release of nhctl yet").
			WithHint("look at %s", releasesPage)
	case http.StatusForbidden, http.StatusTooManyRequests:
		return release{}, problem.New(problem.Refused, "GitHub answers no more questions from this address now (%s)",
			resp.Status).WithHint("try again in an hour, or look at %s", releasesPage)
	default:
		return release{}, problem.New(problem.Unreachable, "ask for the newest release: GitHub answers %s",
			resp.Status).WithHint("look at %s", releasesPage)
	}
	var answer struct {
		Tag string `json:"tag_name"`
		URL string `json:"html_url"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, answerLimit)).Decode(&answer); err != nil {
		return release{}, unanswered(err)
	}
	if !semver.IsValid(answer.Tag) {
		return release{}, problem.New(problem.Unreadable, "the newest release has no version, but %q", answer.Tag).
			WithHint("look at %s", releasesPage)
	}
	// What follows a plus sign has no part in the order: a build from later sources counts as its release.
	return release{Version: answer.Tag, URL: answer.URL, Newer: semver.Compare(answer.Tag, current) > 0}, nil
}

func unanswered(err error) error {
	return problem.New(problem.Unreachable, "ask for the newest release: %w", err).
		WithHint("nhctl works without that; its releases are at %s", releasesPage)
}
