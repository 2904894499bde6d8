package publicimage

import (
	"strings"
	"testing"
	"testing/fstest"
)

type files map[string]string

func (f files) folder() fstest.MapFS {
	folder := fstest.MapFS{}
	for name, text := range f {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return folder
}

// Each place where sources name a version is read, in the notation of its tool, and the first one that can be read
// counts.
func TestFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, language string
		files          files
		ref, why       string
	}{
		{"go", "go", files{"go.mod": "module x\n\ngo 1.25 // comment\n"}, "golang:1.25", "go.mod says go 1.25"},
		{"a patch of go", "go", files{"go.mod": "go 1.25.3\r\n"}, "golang:1.25", "go.mod says go 1.25.3"},
		{"go's toolchain", "go", files{"go.mod": "go 1.25\ntoolchain go1.26.2-custom"}, "golang:1.26",
			"go.mod says go 1.26.2"},
		{"go's default toolchain", "go", files{"go.mod": "go 1.25\ntoolchain default"}, "golang:1.25",
			"go.mod says go 1.25"},
		{"a workspace", "go", files{"go.mod": "go 1.25", "go.work": "go 1.27.0\nuse ."}, "golang:1.27",
			"go.work says go 1.27.0"},
		{"a go that delve does not debug", "go", files{"go.mod": "go 1.16"}, "golang:1.26", "go.mod says go 1.16"},
		{"a release candidate", "go", files{"go.mod": "go 1.28rc1"}, "golang:1.28rc1", "go.mod says go 1.28rc1"},
		{"no go", "go", files{"go.mod": "module x"}, "golang:1.26", "the sources name no version of Go"},

		{"nvm", "node", files{".nvmrc": "v20.11.1\n", "package.json": `{"engines":{"node":"22"}}`}, "node:20.11.1",
			".nvmrc says v20.11.1"},
		{"nvm's major", "node", files{".nvmrc": "20"}, "node:20", ".nvmrc says 20"},
		{"nvm's newest", "node", files{".nvmrc": "lts/*"}, "node:24", ".nvmrc says lts/*"},
		{"nvm's name", "node", files{".nvmrc": "lts/Iron"}, "node:20", ".nvmrc says lts/Iron"},
		{"an unknown name", "node", files{".nvmrc": "lts/zinc", ".node-version": "22"}, "node:22",
			".node-version says 22"},
		{"a newer one", "node", files{".nvmrc": "26"}, "node:26", ".nvmrc says 26"},
		{"asdf", "node", files{".tool-versions": "ruby 3.1.0\nnodejs 18.19.0\n"}, "node:18.19.0",
			".tool-versions says 18.19.0"},
		{"volta", "node", files{"package.json": `{"volta":{"node":"20.9.0"},"engines":{"node":">=18"}}`}, "node:20.9.0",
			"package.json says 20.9.0"},
		{"engines", "node", files{"package.json": `{"engines":{"node":">=18 <21"}}`}, "node:20",
			"package.json says >=18 <21"},
		{"no engines", "node", files{"package.json": `{"engines":["x"]}`}, "node:24",
			"the sources name no version of Node"},
		{"broken", "node", files{"package.json": `{`}, "node:24", "the sources name no version of Node"},

		{"pyenv", "python", files{".python-version": "3.11.4\n"}, "python:3.11.4", ".python-version says 3.11.4"},
		{"another python", "python", files{".python-version": "pypy3.9-7.3.9", "runtime.txt": "python-3.10.1"},
			"python:3.10.1", "runtime.txt says 3.10.1"},
		{"requires-python", "python", files{"pyproject.toml": "[project]\nrequires-python = \">=3.9,<3.12\"\n"},
			"python:3.11", "pyproject.toml says >=3.9,<3.12"},
		{"poetry", "python", files{"pyproject.toml": "[tool.poetry.dependencies]\npython = '^3.10'\n"}, "python:3.13",
			"pyproject.toml says ^3.10"},
		{"pipenv", "python", files{"Pipfile": "[requires]\npython_version = \"3.9\"\n"}, "python:3.9",
			"Pipfile says 3.9"},
		{"setup.cfg", "python", files{"setup.cfg": "[options]\npython_requires = ~=3.8.1\n"}, "python:3.8",
			"setup.cfg says ~=3.8.1"},
		{"setup.py", "python", files{"setup.py": "setup(python_requires='>=3.14')"}, "python:3.14",
			"setup.py says >=3.14"},
		{"no python", "python", files{"main.py": ""}, "python:3.13", "the sources name no version of Python"},

		{"maven's release", "java", files{"pom.xml": "<java.version>8</java.version>\n" +
			"<maven.compiler.release> 17 </maven.compiler.release>"}, "maven:3-eclipse-temurin-17",
			"pom.xml says Java 17"},
		{"maven's property", "java", files{"pom.xml": "<maven.compiler.release>${java.version}" +
			"</maven.compiler.release><java.version>1.8</java.version>"}, "maven:3-eclipse-temurin-8",
			"pom.xml says Java 8"},
		{"maven's plugin", "java", files{"pom.xml": "<configuration><release>11</release></configuration>"},
			"maven:3-eclipse-temurin-11", "pom.xml says Java 11"},
		{"no version for maven", "java", files{"pom.xml": ""}, "maven:3-eclipse-temurin-21",
			"the sources name no version of Java"},
		{"between two JDKs", "java", files{"pom.xml": "<java.version>19</java.version>"}, "maven:3-eclipse-temurin-21",
			"pom.xml says Java 19"},
		{"behind all JDKs", "java", files{"pom.xml": "<java.version>26</java.version>"}, "maven:3-eclipse-temurin-26",
			"pom.xml says Java 26"},
		{"gradle's toolchain", "java", files{"build.gradle": "languageVersion = JavaLanguageVersion.of(17)"},
			"gradle:8-jdk17", "build.gradle says Java 17"},
		{"kotlin's toolchain", "java", files{"build.gradle.kts": "kotlin { jvmToolchain(25) }"}, "gradle:9-jdk25",
			"build.gradle.kts says Java 25"},
		{"gradle's source", "java", files{"build.gradle": "sourceCompatibility = JavaVersion.VERSION_1_8"},
			"gradle:8-jdk8", "build.gradle says Java 8"},
		{"gradle's source, a text", "java", files{"build.gradle": "sourceCompatibility '11'"}, "gradle:8-jdk11",
			"build.gradle says Java 11"},
		{"gradle's release", "java", files{"build.gradle": "options.release = 21"}, "gradle:8-jdk21",
			"build.gradle says Java 21"},
		{"jenv", "java", files{".java-version": "temurin-17.0.2\n", "pom.xml": "<java.version>11</java.version>"},
			"maven:3-eclipse-temurin-17", ".java-version says Java 17"},
		{"sdkman", "java", files{".sdkmanrc": "# x\njava=11.0.20-tem\n"}, "eclipse-temurin:11-jdk",
			".sdkmanrc says Java 11"},
		{"asdf's java", "java", files{".tool-versions": "java adoptopenjdk-openj9-11.0.1"}, "eclipse-temurin:21-jdk",
			"the sources name no version of Java"},
		{"asdf's temurin", "java", files{".tool-versions": "java temurin-17.0.9+9"}, "eclipse-temurin:17-jdk",
			".tool-versions says Java 17"},
		{"java alone", "java", files{"A.java": ""}, "eclipse-temurin:21-jdk", "the sources name no version of Java"},

		{"rbenv", "ruby", files{".ruby-version": "ruby-3.2.2\n"}, "ruby:3.2.2", ".ruby-version says 3.2.2"},
		{"another ruby", "ruby", files{".ruby-version": "jruby-9.4.2.0", "Gemfile": "source 'x'\nruby \"3.1.4\"\n"},
			"ruby:3.1.4", "Gemfile says 3.1.4"},
		{"bundler's range", "ruby", files{"Gemfile": "ruby '>= 3.1', \"< 3.4\", engine: 'ruby'\n"}, "ruby:3.3",
			"Gemfile says >= 3.1, < 3.4"},
		{"rubygems' own", "ruby", files{"Gemfile": "ruby '~> 3.2'\n"}, "ruby:3.4", "Gemfile says ~> 3.2"},
		{"bundler's file", "ruby", files{"Gemfile": "ruby file: '.ruby-version'\n"}, "ruby:3.4",
			"the sources name no version of Ruby"},

		{"rustup", "rust", files{"rust-toolchain.toml": "[toolchain]\nchannel = \"1.80.1\"\n"}, "rust:1.80.1",
			"rust-toolchain.toml says 1.80.1"},
		{"rustup's old file", "rust", files{"rust-toolchain": "1.74\n"}, "rust:1.74", "rust-toolchain says 1.74"},
		{"rustup's channel", "rust", files{"rust-toolchain": "[toolchain]\nchannel = 'stable'"}, "rust:1",
			"rust-toolchain says stable"},
		{"nightly", "rust", files{"rust-toolchain": "nightly-2026-01-01", "Cargo.toml": ""}, "rust:1",
			"the sources name no version of Rust"},
		{"rust-version", "rust", files{"Cargo.toml": "[package]\nrust-version = \"1.85\"\n"}, "rust:1.85",
			"Cargo.toml says 1.85"},

		{"composer", "php", files{"composer.json": `{"require":{"php":"^8.1 || ^7.4"}}`}, "php:8.4-cli",
			"composer.json says ^8.1 || ^7.4"},
		{"no php", "php", files{"composer.json": "{}"}, "php:8.4-cli", "the sources name no version of PHP"},
		{"dotnet", "csharp", files{"Web.csproj": "<TargetFramework>net9.0</TargetFramework>"},
			"mcr.microsoft.com/dotnet/sdk:9.0", "Web.csproj says 9.0"},
		{"no dotnet", "csharp", files{"Web.sln": ""}, "mcr.microsoft.com/dotnet/sdk:8.0",
			"the sources name no version of .NET"},
		{"cmake", "cpp", files{"CMakeLists.txt": ""}, "gcc:14", "the sources name no version of C++"},
		{"c", "c", nil, "gcc:14", "the sources name no version of C"},
	} {
		t.Run(tt.language+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			got := For(tt.files.folder(), tt.language)
			if ref := strings.TrimPrefix(got.Ref, "docker.io/library/"); ref != tt.ref || got.Why != tt.why {
				t.Errorf("%s (%s), want %s (%s)", ref, got.Why, tt.ref, tt.why)
			}
		})
	}
}

// A language alone is enough for an image; an unknown one has none.
func TestForLanguage(t *testing.T) {
	t.Parallel()
	for _, l := range languages() {
		got := For(nil, l.name)
		if !strings.Contains(got.Ref, ":") || strings.HasSuffix(got.Ref, ":latest") ||
			got.Why != "the sources name no version of "+l.title {
			t.Errorf("%s: %+v", l.name, got)
		}
	}
	if got := For(nil, "cobol"); got != (Image{}) {
		t.Errorf("cobol: %+v", got)
	}
}

func TestRunsAsRoot(t *testing.T) {
	t.Parallel()
	for _, l := range languages() {
		if ref := For(nil, l.name).Ref; !RunsAsRoot(ref) {
			t.Errorf("%s is no image of ours", ref)
		}
	}
	for ref, want := range map[string]bool{
		"golang":                               true,
		"golang:1.26-alpine":                   true,
		"library/maven:3-eclipse-temurin-21":   true,
		"docker.io/library/gradle:8-jdk21":     true,
		"ghcr.io/nhctl/dev-go:v0.1.0":          false,
		"registry.example.com:5000/golang:1":   false,
		"registry.example.com:5000/golang":     false,
		"docker.io/someone/python:3":           false,
		"":                                     false,
		"mcr.microsoft.com/dotnet/sdk:8.0":     true,
		"docker.io/library/eclipse-temurin:21": true,
	} {
		if got := RunsAsRoot(ref); got != want {
			t.Errorf("%q: %v", ref, got)
		}
	}
}

func TestSolve(t *testing.T) {
	t.Parallel()
	lines := []string{"24", "22", "20"}
	for text, want := range map[string]string{
		"20":                "20",
		"v22.1":             "22.1",
		"20.11.1":           "20.11.1",
		"20.x":              "20",
		"20.11.x":           "20.11",
		"*":                 "24",
		"x":                 "24",
		">=20":              "24",
		">= 20.11":          "24",
		">20":               "24",
		">24":               "25",
		">=25.1":            "25",
		"<24":               "22",
		"<=22":              "22",
		"<=22.5":            "20",
		">=20 <22.3":        "20",
		">=20.1.0 <20.5":    "20.1",
		"^22.4.1":           "22",
		"~22.4":             "22.4",
		"~20":               "20",
		"~>22.4":            "22",
		"~> 22.4.1":         "22.4",
		"~=22.4.1":          "22.4",
		"20 - 22":           "22",
		"20.1.2 - 22.9.9":   "20",
		"18 || 20":          "20",
		"20 || >=99":        "20",
		"^18|^20":           "20",
		"18":                "18",
		"==22.*":            "22",
		"===20.1":           "20.1",
		">=20,!=22.3":       "24",
		"":                  "",
		"||":                "",
		">=22 <20":          "",
		"<18":               "",
		"1.2.3.4":           "",
		"20-alpine":         "",
		"latest":            "",
		"20; rm -rf /":      "",
		"20\n22":            "",
		"12345":             "",
		"$(id)":             "",
		"20@sha256:abc":     "",
		"../20":             "",
		"99999999999999999": "",
	} {
		if got, ok := solve(text, lines, dialect{}); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", text, got, ok, want)
		}
	}
}

// Tools mean different things by the same range: npm's <=3.11 has 3.11.9, which pip refuses by it.
func TestSolveDialects(t *testing.T) {
	t.Parallel()
	lines := []string{"3.13", "3.12", "3.11", "3.10", "2.7"}
	exact, composer := dialect{exact: true}, dialect{exact: true, wide: true}
	for _, tt := range []struct {
		text string
		in   dialect
		want string
	}{
		{"<=3.11", dialect{}, "3.11"},
		{"<=3.11", exact, "3.10"},
		{"<= 3.11.*", exact, "3.11"},
		{">3.13", dialect{}, "3.14"},
		{">3.13", exact, "3.13"},
		{">3.10,<3.12", exact, "3.11"},
		{">=3.10,!=3.13.*", exact, "3.12"},
		{"~=3.10", exact, "3.13"},
		{"~= 3.10.2", exact, "3.10"},
		{"~> 3.11", exact, "3.13"},
		{"~> 3", exact, "3.13"},
		{"~> 3.11.1", exact, "3.11"},
		{"~3.11", exact, "3.11"},
		{"~3.11", composer, "3.13"},
		{"~3.11.4", composer, "3.11"},
		{"~2.7 | ^3.10 <3.13", composer, "3.12"},
		{"==3.14.*", exact, "3.14"},
		{">=3.14", exact, "3.14"},
		{"03.011", exact, "3.11"},
	} {
		if got, ok := solve(tt.text, lines, tt.in); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%q, %+v: %q, %v; want %q", tt.text, tt.in, got, ok, tt.want)
		}
	}
}

// Sources may be anyone's: whatever they say, an image's reference stays one of the repository with a tag, and the
// reason can be shown.
func TestHostileSources(t *testing.T) {
	t.Parallel()
	hostile := []string{"evil/image", "20@sha256:0", "20 evil", "20\x1b[31m", "20\u202e", "2\x00", "20/../evil", ":20",
		"$(id)", "`id`", "'", "\"", "\\", strings.Repeat("9", 5000), "1." + strings.Repeat("9", 90),
		strings.Repeat(">=1 ", 40), strings.Repeat("1||", 30) + "evil", "1\n# image: evil", "1\r\nimage: evil"}
	names := map[string]func(string) string{
		"go.mod":              func(s string) string { return "go " + s + "\ntoolchain go" + s },
		"go.work":             func(s string) string { return "go " + s },
		".nvmrc":              func(s string) string { return s },
		".node-version":       func(s string) string { return s },
		".tool-versions":      func(s string) string { return "nodejs " + s + "\nruby " + s + "\njava " + s },
		"package.json":        func(s string) string { return `{"engines":{"node":"` + s + `"}}` },
		".python-version":     func(s string) string { return s },
		"pyproject.toml":      func(s string) string { return `requires-python = "` + s + `"` },
		"setup.cfg":           func(s string) string { return "python_requires = " + s },
		"pom.xml":             func(s string) string { return "<java.version>" + s + "</java.version>" },
		"build.gradle":        func(s string) string { return "jvmToolchain(" + s + ")" },
		".ruby-version":       func(s string) string { return s },
		"Gemfile":             func(s string) string { return `ruby "` + s + `"` },
		"rust-toolchain.toml": func(s string) string { return `channel = "` + s + `"` },
		"composer.json":       func(s string) string { return `{"require":{"php":"` + s + `"}}` },
		"\x1b]0;a.csproj":     func(s string) string { return "<TargetFramework>net8.0</TargetFramework>" + s },
	}
	for _, text := range hostile {
		all := files{}
		for name, in := range names {
			all[name] = in(text)
		}
		for _, l := range languages() {
			got, without := For(all.folder(), l.name), For(nil, l.name)
			repository, tag, _ := strings.Cut(got.Ref, ":")
			if known, _, _ := strings.Cut(without.Ref, ":"); repository != known && l.name != "java" ||
				!strings.HasPrefix(got.Ref, library) && l.name != "csharp" || !tagged.MatchString(tag) {
				t.Errorf("%s, %q: %s", l.name, text, got.Ref)
			}
			if !plain.MatchString(got.Why) || len(got.Why) > 200 {
				t.Errorf("%s, %q: %q", l.name, text, got.Why)
			}
		}
	}
}

func FuzzSolve(f *testing.F) {
	f.Add(">=18 <21 || ^22")
	f.Fuzz(func(t *testing.T, text string) {
		if tag, ok := solve(text, []string{"24", "22"}, dialect{exact: true}); ok && !tagged.MatchString(tag) {
			t.Errorf("%q: %q", text, tag)
		}
	})
}
