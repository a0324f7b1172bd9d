-- Telephone numbers of a company's conferences, the same on both sites (G11):
-- [{"label", "number", "toll_free"}].
ALTER TABLE company ADD numbers jsonb;
