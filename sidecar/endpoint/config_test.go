package endpoint

import (
	"strings"
	"testing"
)

// A sidecar refuses to serve what a newer nhctl has told it.
func TestReadConfig(t *testing.T) {
	t.Parallel()
	for text, fails := range map[string]string{
		`{"kind":"sidecar","version":1,"session":"0a1b2c3d"}`: "",
		`{"kind":"sidecar","version":2,"session":{"id":"0a"}}`: "a newer nhctl wrote it (version 2, " +
			"this one reads 1); end dev mode and start it again",
		`{"kind":"other","version":1}`: `its kind is "other", not "sidecar"`,
		``:                             "read NHCTL_SIDECAR: unexpected end of JSON input",
	} {
		c, err := ReadConfig(text)
		if (err != nil) != (fails != "") || err != nil && !strings.Contains(err.Error(), fails) {
			t.Errorf("%s: %v", text, err)
		}
		if fails == "" && c.Session != "0a1b2c3d" {
			t.Errorf("%s: %+v", text, c)
		}
	}
}
