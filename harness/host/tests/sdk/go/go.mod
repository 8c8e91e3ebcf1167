module portcullis.test/guest

go 1.24
