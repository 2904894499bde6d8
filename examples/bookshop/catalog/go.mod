module example.com/bookshop/catalog

go 1.24
