FROM debian
RUN <<EOF
echo $A
# kept

EOF
RUN <<EOF1 cat && 3<<-"EOF 2" cat
one
EOF1
	two
	EOF 2
COPY <<a.txt <<-'b.txt' plain /dir/
Hello $NAME
# not a comment \
a.txt
	indented
		more
	b.txt
RUN <<#EOF echo "<<no" 1<2 <<<"here"
#EOF
USER <<EOF
RUN ["<<EOF"]
ADD <<-E /x
	E
