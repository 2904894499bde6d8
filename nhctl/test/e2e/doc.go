// Package e2e holds the scenarios that run on a real cluster (build tag e2e), as restricted users, one namespace a
// test.
//
// `make test` starts a playground for them; NHCTL_TEST_KUBECONFIG names another cluster. The kubeconfig is an
// administrator's: the harness makes namespaces and restricted users with it; nhctl itself only ever runs as such a
// user.
package e2e
