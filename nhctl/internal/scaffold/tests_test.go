package scaffold

import (
	"testing"
	"testing/fstest"
)

// All tests of a folder are run as its language usually does it.
func TestLookForTests(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"go":             {map[string]string{"go.mod": "module x"}, "go test -fullpath ./..."},
		"python":         {map[string]string{"pyproject.toml": ""}, "python3 -m pytest"},
		"django":         {map[string]string{"requirements.txt": "", "manage.py": ""}, "python3 manage.py test"},
		"node":           {map[string]string{"package.json": `{"scripts":{"test":"x"}}`}, "npm test"},
		"node with yarn": {map[string]string{"package.json": `{"scripts":{"test":"x"}}`, "yarn.lock": ""}, "yarn test"},
		"node without":   {map[string]string{"package.json": "{}"}, ""},
		"maven":          {map[string]string{"pom.xml": ""}, "mvn test"},
		"gradle":         {map[string]string{"build.gradle": "", "gradlew": ""}, "./gradlew test"},
		"rust":           {map[string]string{"Cargo.toml": ""}, "cargo test"},
		"rspec":          {map[string]string{"Gemfile": "", "spec/a_spec.rb": ""}, "bundle exec rspec"},
		"rails":          {map[string]string{"Gemfile": "", "bin/rails": ""}, "bundle exec rails test"},
		"rake":           {map[string]string{"main.rb": "", "Rakefile": ""}, "rake test"},
		"php":            {map[string]string{"composer.json": ""}, "vendor/bin/phpunit"},
		"dotnet":         {map[string]string{"A.csproj": ""}, "dotnet test"},
		"c":              {map[string]string{"a.c": ""}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := fstest.MapFS{}
			for path, text := range tt.files {
				folder[path] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := Look(folder, "web").Test; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
