package ignore

import "testing"

func TestProtection(t *testing.T) {
	t.Parallel()
	for rel, want := range map[string]Class{
		"main.go": Free, "src/git": Free, ".github/workflows/ci.yml": Free, ".gitignore": Free, ".gitattributes": Free,
		".gitmodules": Free,
		"a~1":         Free, "git~": Free, "git~x": Free, "legit~1": Free, "package.json": Free, ".env": Free, "": Free,
		".git": Never, ".git/config": Never, "sub/.git/hooks/pre-commit": Never, ".GIT/config": Never, ".gIt": Never,
		"git~1": Never, "GIT~1/config": Never, "GIT~2": Never, "GI7EBA~1": Never,
		".git::$INDEX_ALLOCATION": Never, ".git:stream": Never, ".git.": Never, ".git ": Never,
		".git . ./config": Never, ".git\\config": Never,
		".g\u200cit": Never, ".gi\u200dt/config": Never, "\ufeff.git": Never, ".g\u0131t": Free,
		".dev/config.yaml": Never, ".nocalhost": Never, ".nhctl": Never, ".vscode/tasks.json": Never, "VSCODE~1": Never,
		".v\u017fcode": Never,
		".idea":        Never, ".fleet": Never, ".zed": Never, ".devcontainer": Never, ".devcontainer.json": Never,
		".envrc": Never, ".hg/hgrc": Never,
		".npmrc": OneWay, "a/.NPMRC": OneWay, "NPMRC~1": OneWay, ".yarnrc.yml": OneWay, "YARNRC~1.YML": OneWay,
		".pnpmfile.cjs": OneWay,
		".mise.toml":    OneWay, ".tool-versions": OneWay, ".mcp.json": OneWay, "MCP~1.JSO": OneWay,
		".cursor/mcp.json": OneWay, ".claude/settings.json": OneWay,
		".windsurf": OneWay, "shop.code-workspace": OneWay, "Shop.Code-Workspace": OneWay, ".husky/pre-commit": OneWay,
		".exrc":     OneWay,
		".nvim.lua": OneWay, ".dir-locals.el": OneWay, ".lldbinit": OneWay, ".gdbinit": OneWay,
		".claude/.git/config": Never, ".git/.npmrc": Never,
	} {
		if got := (Protection{}).Of(rel).Class; got != want {
			t.Errorf("%q: %d, want %d", rel, got, want)
		}
	}
}

func TestProtectionExceptions(t *testing.T) {
	t.Parallel()
	p := Protect([]string{".nocalhost/run.sh", "svc/.dev/bin/start.sh"})
	for rel, want := range map[string]Class{
		".nocalhost": OneWay, ".nocalhost/run.sh": OneWay, ".nocalhost/config.yaml": Never,
		".nocalhost/run.sh.bak": Never,
		"svc/.dev":              OneWay, "svc/.dev/bin": OneWay, "svc/.dev/bin/start.sh": OneWay,
		"svc/.dev/config.yaml": Never, ".dev": Never,
		"svc": Free, "other/.nocalhost/run.sh": Never, ".git": Never,
	} {
		if got := p.Of(rel).Class; got != want {
			t.Errorf("%q: %d, want %d", rel, got, want)
		}
	}
	for _, n := range p.ByName() {
		if n == ".nocalhost" || n == ".dev" {
			t.Errorf("%s is left out by name, with what is excepted", n)
		}
	}
}

func TestNamesHaveReasons(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, n := range Names() {
		if n.Reason == "" || n.Class == Free || seen[n.Name] || canonical(n.Name) != n.Name {
			t.Errorf("%+v", n)
		}
		seen[n.Name] = true
	}
}
