/* The columns of catalog_query, for catalog*.c alone. */
#ifndef REPLICATOR_CATALOG_QUERY_H
#define REPLICATOR_CATALOG_QUERY_H

enum field {
	F_SCHEMA,
	F_NAME,
	F_OID,
	F_KIND,
	F_COLUMN,
	F_TYPE,
	F_TYPE_OID,
	F_ARRAY_OID,
	F_NOT_NULL,
	F_GENERATED,
	F_ALWAYS,
	F_TOASTABLE,
	F_BOUNDED,
	F_EXACT,
	F_KEYABLE,
	F_KEY_NO,
	F_NAMED,
	F_ELEMENT_OID,
	F_BOX, /* of an array: name and oids of gsb."array_..." */
	F_BOX_OID,
	F_BOXES_OID,
	F_FIELDS
};

#endif
