# How everything is compiled: programs, tests and what is only checked. The same flags everywhere, since a package that was compiled with
# others is compiled again. Sourced by other scripts.
GO_BUILD_FLAGS='-trimpath'
