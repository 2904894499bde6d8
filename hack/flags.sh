# How everything is compiled: programs, tests and what is only checked. The same flags everywhere, since a package that was compiled with
# others is compiled again. Debug information is left out when programs are linked; making it takes a fifth of a compiler's time.
# Sourced by other scripts.
GO_BUILD_FLAGS='-trimpath -gcflags=all=-dwarf=false'

# The rooms of nhctl/internal that sessions live in, whose tests are measured.
SESSION_ROOMS='daemon session record devsession devmode'
