package document

import (
	"errors"
	"testing"
)

func TestHeadOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Head{
		`{"kind":"tunnel","version":7,"session":{"of":"another type"}}`: {Kind: "tunnel", Version: 7},
		`{"session":"0a1b2c3d"}`: {},
	} {
		if h, err := HeadOf([]byte(text)); err != nil || h != want {
			t.Errorf("%s: %+v, %v", text, h, err)
		}
	}
	if _, err := HeadOf([]byte("torn")); err == nil {
		t.Error("no error of a torn document")
	}
}

// A document is read up to the version that this build writes; a newer one is refused before its fields are looked at.
func TestRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text, want, fails string
		newer             bool
	}{
		"its own version": {`{"kind":"test","version":2,"name":"a"}`, "a", "", false},
		"an older one":    {`{"kind":"test","version":1,"name":"a"}`, "a", "", false},
		"without a head":  {`{"name":"a"}`, "a", "", false},
		"a newer one": {`{"kind":"test","version":3,"name":["a"]}`, "",
			"a newer nhctl wrote it (version 3, this one reads 2)", true},
		"another kind": {`{"kind":"other","version":1,"name":"a"}`, "", `its kind is "other", not "test"`, false},
		"another kind, newer": {`{"kind":"other","version":3}`, "",
			"a newer nhctl wrote it (version 3, this one reads 2)", true},
		"no JSON": {`torn`, "", "invalid character 'o' in literal true (expecting 'r')", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got struct{ Name string }
			err, said := Read([]byte(tt.text), Head{"test", 2}, &got), ""
			if err != nil {
				said = err.Error()
			}
			if got.Name != tt.want || said != tt.fails || errors.Is(err, ErrNewer) != tt.newer {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
