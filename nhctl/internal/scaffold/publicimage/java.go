package publicimage

import (
	"cmp"
	"io/fs"
	"strconv"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/scaffold/sources"
)

// jdks are those with long-term support; each compiles for earlier ones.
var jdks = [...]int{8, 11, 17, 21, 25}

// jdkDefault is for sources that name no version.
const jdkDefault = 21

// The images with a JDK: alone, and with a build tool.
const (
	temurin = "eclipse-temurin"
	maven   = "maven"
	gradle  = "gradle"
)

// java takes the image of the folder's build tool, with the first JDK with long-term support that will do.
func java(folder fs.FS) choice {
	jdk, why := jdkDefault, ""
	for _, m := range javaMentions() {
		file, text := m.read(folder)
		if asked := javaRelease(text); asked > 0 {
			jdk, why = asked, says(file, "Java "+strconv.Itoa(asked))
			for _, long := range jdks {
				if long >= asked {
					jdk = long
					break
				}
			}
			break
		}
	}
	c := choice{repository: library + temurin, tag: strconv.Itoa(jdk) + "-jdk", why: why}
	switch {
	case sources.Has(folder, "pom.xml"):
		c.repository, c.tag = library+maven, "3-eclipse-temurin-"+strconv.Itoa(jdk)
	case sources.Has(folder, "build.gradle"), sources.Has(folder, "build.gradle.kts"):
		major := "8"
		if jdk > 21 { // where Gradle 8 does not start
			major = "9"
		}
		c.repository, c.tag = library+gradle, major+"-jdk"+strconv.Itoa(jdk)
	}
	return c
}

func javaMentions() []mention {
	all := []mention{
		{".java-version", matching(`^[ \t]*(?:[a-z][a-z0-9]*-)?(\d+(?:\.\d+)?)`)},
		{".sdkmanrc", matching(`^java=(\d+(?:\.\d+)?)`)},
		{".tool-versions", matching(`^java[ \t]+(?:[a-z][a-z-]*-)?(\d+(?:\.\d+)?)`)},
	}
	for _, tag := range []string{`maven\.compiler\.release`, `java\.version`, `maven\.compiler\.source`,
		`maven\.compiler\.target`, `release`, `source`} {
		all = append(all, mention{"pom.xml", matching(`<` + tag + `>\s*(\d+(?:\.\d+)?)\s*</`)})
	}
	for _, file := range []string{"build.gradle", "build.gradle.kts"} {
		for _, pattern := range []string{`JavaLanguageVersion\.of\(\s*["']?(\d+)`, `\bjvmToolchain\(\s*(\d+)`,
			`\brelease(?:\.set\(|[ \t]*=)[ \t]*(\d+)`,
			`\bsourceCompatibility[ \t]*=?[ \t]*(?:JavaVersion\.(?:VERSION_|toVersion\()?)?["']?(\d+(?:[._]\d+)?)`} {
			all = append(all, mention{file, matching(pattern)})
		}
	}
	return all
}

// javaRelease is the number of a Java release, of 17, 17.0 or 1.8; 0 for none.
func javaRelease(text string) int {
	first, second, _ := strings.Cut(strings.ReplaceAll(text, "_", "."), ".")
	if first == "1" {
		first = cmp.Or(second, first)
	}
	if n, err := strconv.Atoi(first); err == nil && n >= 5 && n < 100 {
		return n
	}
	return 0
}
