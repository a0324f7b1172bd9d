# Writes the pages' files as a C array: cmake -D FOLDER=... -D OUT=... -P this
file(GLOB files ${FOLDER}/*.html ${FOLDER}/*.css ${FOLDER}/*.js
    ${FOLDER}/*.svg)
list(SORT files)
set(code "#include \"site/page_files.h\"\n")
set(rows "")
set(n 0)
foreach(file ${files})
	get_filename_component(name ${file} NAME)
	file(READ ${file} hex HEX)
	string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
	string(APPEND code "static const char file_${n}[] = { ${bytes}0x00 };\n")
	string(APPEND rows
	    "\t{ \"${name}\", file_${n}, sizeof(file_${n}) - 1 },\n")
	math(EXPR n "${n} + 1")
endforeach()
string(APPEND code "const struct page_file page_files[] = {\n"
    "${rows}\t{ 0, 0, 0 },\n};\n")
file(WRITE ${OUT} "${code}")
