package ignore

// Class is how files of a name travel.
type Class int

const (
	// Free files travel both ways.
	Free Class = iota
	// OneWay files go to the pod as any file does; what the pod makes of them stays in the pod.
	OneWay
	// Never files don't travel at all.
	Never
)

// Name is a name that programs on the computer act on without being asked: whoever can run code in the pod must not
// gain the computer by it. It holds at any depth, in any case, for a file or for a folder and all below it.
type Name struct {
	// Name is a whole name, or "*" and its end.
	Name   string
	Class  Class
	Reason string
}

const (
	ofRepository = "a repository's own files name programs that version control runs"
	ofConfig     = "the config of dev mode names commands and folders of the computer"
	ofEditor     = "an editor's own files name programs that it runs when the folder is opened"
	ofPackages   = "a package manager reads it before each command, and runs what it names; a build needs it"
	ofVersions   = "a version manager reads it in every shell, and runs what it names; a build needs it"
	ofAgent      = "an agent reads it when it starts: tools, permissions and programs that it may run"
	ofHooks      = "version control runs what it names at each commit"
	ofStartUp    = "an editor or debugger runs it when it starts in the folder"
)

// OfRepository says whether the name is that of version control's own files.
func (n Name) OfRepository() bool { return n.Reason == ofRepository }

// names is the one table of names that must not come from a pod. What a build needs goes there and never comes back
// changed; a repository's own files, dev mode's and editors' folders do not travel at all.
var names = [...]Name{
	{".git", Never, ofRepository}, {".hg", Never, ofRepository}, {".jj", Never, ofRepository},
	{".dev", Never, ofConfig}, {".nocalhost", Never, ofConfig}, {".nhctl", Never, ofConfig},
	{".vscode", Never, ofEditor}, {".idea", Never, ofEditor}, {".fleet", Never, ofEditor}, {".zed", Never, ofEditor},
	{".vs", Never, ofEditor}, {".devcontainer", Never, ofEditor}, {".devcontainer.json", Never, ofEditor},
	{".envrc", Never, "direnv runs it in every shell, and it often has secrets"},
	{".npmrc", OneWay, ofPackages}, {".yarnrc", OneWay, ofPackages}, {".yarnrc.yml", OneWay, ofPackages},
	{".pnpmfile.cjs", OneWay, ofPackages}, {".pnpmfile.mjs", OneWay, ofPackages}, {"bunfig.toml", OneWay, ofPackages},
	{".mise.toml", OneWay, ofVersions}, {"mise.toml", OneWay, ofVersions}, {".mise", OneWay, ofVersions},
	{".rtx.toml", OneWay, ofVersions}, {".tool-versions", OneWay, ofVersions},
	{".mcp.json", OneWay, ofAgent}, {".cursor", OneWay, ofAgent}, {".cursorrules", OneWay, ofAgent},
	{".claude", OneWay, ofAgent},
	{".windsurf", OneWay, ofAgent}, {".windsurfrules", OneWay, ofAgent}, {".codex", OneWay, ofAgent},
	{".gemini", OneWay, ofAgent},
	{".aider.conf.yml", OneWay, ofAgent}, {".continue", OneWay, ofAgent}, {".roo", OneWay, ofAgent},
	{".kiro", OneWay, ofAgent},
	{".opencode", OneWay, ofAgent}, {"opencode.json", OneWay, ofAgent},
	{".husky", OneWay, ofHooks}, {".pre-commit-config.yaml", OneWay, ofHooks}, {"lefthook.yml", OneWay, ofHooks},
	{".lefthook.yml", OneWay, ofHooks},
	{"*.code-workspace", OneWay, ofStartUp}, {"*.sublime-project", OneWay, ofStartUp},
	{".exrc", OneWay, ofStartUp}, {".vimrc", OneWay, ofStartUp}, {".nvimrc", OneWay, ofStartUp},
	{".nvim.lua", OneWay, ofStartUp},
	{".lazy.lua", OneWay, ofStartUp}, {".helix", OneWay, ofStartUp}, {".dir-locals.el", OneWay, ofStartUp},
	{".dir-locals-2.el", OneWay, ofStartUp},
	{".lldbinit", OneWay, ofStartUp}, {".gdbinit", OneWay, ofStartUp},
}

// Names returns the table.
func Names() []Name { return names[:] }
