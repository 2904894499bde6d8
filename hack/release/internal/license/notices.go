package license

import (
	"fmt"
	"slices"
	"strings"
)

// source is where a module's sources are. A module's path is an address, at which its repository is named.
func source(l Licensed) string {
	if l.Path == "std" {
		return "https://go.dev"
	}
	owner := strings.Split(l.Path, "/")
	if owner[0] == "github.com" && len(owner) >= 3 {
		return "https://" + strings.Join(owner[:3], "/")
	}
	return "https://" + l.Path
}

// Notices is the page that names what is in a program, with the texts that licenses want to go with it. Texts that
// several modules share are there once.
func Notices(program string, modules []Licensed) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s contains the following software of others, unmodified. Each entry names its version, its\n"+
		"licenses, and where its source code is; the texts follow below.\n\n", program)
	for _, m := range modules {
		fmt.Fprintf(&b, "%s %s (%s)\n    %s\n", m.Path, m.Version, strings.Join(m.Names, ", "), source(m))
		if slices.Contains(m.Names, "MPL-2.0") {
			b.WriteString("    Under the Mozilla Public License 2.0 you can get its source code form, at that\n" +
				"    address and version, without charge.\n")
		}
	}
	var order []string
	users := map[string][]string{}
	for _, m := range modules {
		for _, text := range m.Texts {
			if users[text.Data] == nil {
				order = append(order, text.Data)
			}
			users[text.Data] = append(users[text.Data], fmt.Sprintf("%s %s: %s", m.Path, m.Version, text.Name))
		}
	}
	for _, text := range order {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(users[text], "\n"), text)
	}
	return b.String()
}
