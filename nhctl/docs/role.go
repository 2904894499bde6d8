package docs

// Role is the page of what a developer needs, with the Role that `nhctl doctor --role` prints.
func Role(role string) string {
	return roleHeader + "```yaml\n" + role + "```\n"
}

const roleHeader = `# What a developer needs

Generated from the Role that ` + "`nhctl doctor --role`" + ` prints; ` +
	"`make generate`" + ` writes it again. All scenarios run as users that have it in one
namespace, and nothing else anywhere.

    nhctl doctor --role | kubectl apply -n shop -f -
    kubectl create rolebinding nhctl-ada -n shop --role nhctl-developer --user ada

` + "`nhctl doctor`" + ` asks the cluster for each of these rights, and names those that are missing.

Rights that nhctl can do without have a comment that begins with "Optional" and says what their lack costs; the doctor
says that, too.

Nothing runs privileged. The twin's pod has the original's service account, and the developer's own credentials do the
rest. Only a front has permissions of its own, if you may make its service account: for its one Service, and to delete
itself. Pod Security "restricted" accepts a twin wherever it accepts the original.

## What a developer with this Role can do

Developing a service is running code in its place. So this Role is for people who may do in the namespace what its
workloads may do:

- **Read any Secret of the namespace that they can name**, through a pod: whoever creates pods or Deployments, or
  patches them, can mount Secrets and ConfigMaps. The API server itself shows them one Secret,
  ` + "`nhctl-parked-pods`" + `, with the manifests of parked pods. nhctl creates the Secret of a session, and has no
  permission to read, change or delete it; the same holds for all others. (A permission to patch or delete a Secret
  would be one to read it.)
- **Act as any service account of the namespace**, through a pod that names it.
- **Run commands in any pod of the namespace** (pods/exec), read its files, environment and memory, and reach its ports
  (pods/portforward). That includes the pods of colleagues' sessions: their sources and their sessions' tokens. Without
  pods/portforward, nhctl reaches its sidecar by exec.
- **Stop any workload of the namespace**, change its pod template, and delete Deployments, Jobs, Pods and claims.
- **Write the record of any session** (Leases). nhctl takes records for data, and checks them where it reads them.

- **Lead the traffic of any Service of the namespace elsewhere**: nhctl does so for routes (nhctl exchange, nhctl mesh).

Roles and bindings give no one more than they have: the API server lets no one grant what they may not do themselves.

Nothing in other namespaces and no nodes: only what a pod reaches by the network and by its service account.
Whoever should not do this in a namespace gets a namespace of their own. Admission policies apply to twins as to all
pods.

`
