"""Operations: one verb a file, `verb(engine, arguments, ..., progress=...)`. All three faces of pallet call these."""
