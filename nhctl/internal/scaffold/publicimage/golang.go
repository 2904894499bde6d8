package publicimage

import (
	goversion "go/version"
	"io/fs"
	"strings"
)

// goDefault is for sources that name no version, or one before oldestGo, the first one that delve debugs. A newer Go
// builds what an older one does.
const (
	goDefault = "go1.26"
	oldestGo  = "go1.25"
)

// golang takes the newest version that go.mod and go.work ask for: the image's own Go does not replace itself.
func golang(folder fs.FS) choice {
	c, newest := choice{}, ""
	for _, file := range []string{"go.work", "go.mod"} {
		for _, find := range []func([]byte) string{
			matching(`^toolchain[ \t]+(go\d[\w.]*)`), matching(`^go[ \t]+(\d[\w.]*)[ \t]*(?://.*)?\r?$`),
		} {
			_, text := mention{file, find}.read(folder)
			asked := "go" + strings.TrimPrefix(text, "go")
			if text != "" && goversion.IsValid(asked) && goversion.Compare(asked, newest) > 0 {
				newest, c.why = asked, says(file, "go "+strings.TrimPrefix(text, "go"))
			}
		}
	}
	if goversion.Compare(newest, oldestGo) < 0 {
		newest = goDefault
	}
	line := goversion.Lang(newest)
	if strings.HasPrefix(newest, line+"rc") || strings.HasPrefix(newest, line+"beta") {
		line = newest // its line has no release that would do
	}
	c.tag = strings.TrimPrefix(line, "go")
	return c
}
