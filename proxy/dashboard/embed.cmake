# Writes the page's files as a C array: cmake -D FOLDER=... -D OUT=... -P this
file(GLOB files ${FOLDER}/*.html ${FOLDER}/*.css ${FOLDER}/*.js ${FOLDER}/*.svg)
list(SORT files)
set(code "#include \"proxy/dashboard_assets.h\"\n")
set(rows "")
set(i 0)
foreach(file ${files})
	get_filename_component(name ${file} NAME)
	file(READ ${file} hex HEX)
	string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
	string(APPEND code
	    "static const unsigned char file_${i}[] = { ${bytes} };\n")
	string(APPEND rows "\t{ \"${name}\", (const char *)file_${i}, "
	    "sizeof(file_${i}) },\n")
	math(EXPR i "${i} + 1")
endforeach()
string(APPEND code "const struct dashboard_asset dashboard_assets[] = {\n"
    "${rows}\t{ 0, 0, 0 },\n};\n")
file(WRITE ${OUT} "${code}")
