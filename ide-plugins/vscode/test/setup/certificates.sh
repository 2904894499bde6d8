# To be sourced: Node and npm trust what the system trusts, too, as behind a company's proxy. Node alone knows its own certificates.
system=/etc/ssl/certs/ca-certificates.crt
[[ -n ${NODE_EXTRA_CA_CERTS:-} || ! -f $system ]] || export NODE_EXTRA_CA_CERTS=$system
