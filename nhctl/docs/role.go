package docs

// Role is the page of what a developer needs, with the Role that `nhctl doctor --role` prints.
func Role(role string) string {
	return roleHeader + "```yaml\n" + role + "```\n"
}

const roleHeader = `# What a developer needs

Generated from the Role that ` + "`nhctl doctor --role`" + ` prints; ` + "`make generate`" + ` writes it anew. All scenarios run as users that have it in one
namespace, and nothing else anywhere.

    nhctl doctor --role | kubectl apply -n shop -f -
    kubectl create rolebinding nhctl-ada -n shop --role nhctl-developer --user ada

` + "`nhctl doctor`" + ` asks the cluster for each of these rights, and names those that are missing.

Nothing runs privileged, and nothing of nhctl has rights in the cluster: the twin's pod has the original's service account, and the
developer's own credentials do the rest. Pod Security "restricted" accepts a twin wherever it accepts the original. Who may exec in a
namespace, or read its Secrets, can do there what a developer in dev mode can do.

`
