"""The database's schema, as migrations: each entry brings a database one version further, and is never changed again.

Image tables
    images         one row an image, by config digest; what `image ls` shows is in columns: listing parses nothing
    image_blobs    what the image's manifests are made of: the manifest itself, its config, its layers; and what its
                   indexes lead to (see `pallet.store.indexes`)
    layers         one row a chain ID: what lies unpacked under it, and the chain below
    tags           name:tag -> image, and the manifest or index that a push of that name sends
    repo_digests   name@digest -> image, as a registry called it
    garbage        blobs and snapshots that lost their last user and wait for a collector
    foreign_images what a name meant in its registry for another machine, where it has no name here

Container tables
    containers     one row a container: the record as JSON, and what listing needs in columns
    endpoints      one row for each network of each container: how it joins, and where it is while it runs
    networks       one row a network of the user's; bridge, host and none have none
    volumes        one row a volume; its files are in root/volumes/NAME
    events         what happened, the newest some thousands
Build tables
    build_cache    what a build step made, by the digest of all that went into it
    context_files  digests of files of build contexts, so that a file that did not change is not read again
    last_builds    the last build of each place, and what it saw: if all that is as it was, nothing is to be done
"""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE images (
        id TEXT PRIMARY KEY,
        created INTEGER NOT NULL,          -- nanoseconds since the epoch
        size INTEGER NOT NULL,             -- bytes of all unpacked layers, as docker counts them
        parent TEXT NOT NULL DEFAULT '',   -- id of the local image it was made from, or ''
        comment TEXT NOT NULL DEFAULT '',  -- docker's local comment (commit, import)
        added INTEGER NOT NULL,            -- nanoseconds: when it came into this store
        tagged INTEGER NOT NULL DEFAULT 0, -- nanoseconds: last tag time
        used INTEGER NOT NULL DEFAULT 0    -- nanoseconds: last run, 0 if never
    ) WITHOUT ROWID;
    CREATE INDEX images_parent ON images (parent) WHERE parent != '';
    CREATE TABLE layers (
        chain_id TEXT PRIMARY KEY,
        diff_id TEXT NOT NULL,
        parent TEXT NOT NULL,              -- chain ID of what it lies on, '' for a bottom layer
        size INTEGER NOT NULL              -- bytes of the unpacked layer, as docker counts them
    ) WITHOUT ROWID;
    CREATE INDEX layers_diff ON layers (diff_id);
    CREATE TABLE image_blobs (
        image TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        manifest TEXT NOT NULL,            -- digest of the manifest that names the blob
        kind TEXT NOT NULL,                -- 'manifest', 'config' or 'layer'
        position INTEGER NOT NULL,         -- layers: from the bottom; manifests: order of arrival
        digest TEXT NOT NULL,
        media_type TEXT NOT NULL,
        size INTEGER NOT NULL,             -- bytes of the blob
        chain_id TEXT REFERENCES layers (chain_id), -- layers only
        PRIMARY KEY (image, manifest, kind, position)
    ) WITHOUT ROWID;
    CREATE INDEX image_blobs_digest ON image_blobs (digest);
    CREATE INDEX image_blobs_chain ON image_blobs (chain_id) WHERE chain_id IS NOT NULL;
    CREATE TABLE tags (
        name TEXT NOT NULL,                -- docker.io/library/ubuntu
        tag TEXT NOT NULL,
        image TEXT NOT NULL REFERENCES images (id),
        manifest TEXT NOT NULL,            -- digest of the manifest that this name stands for
        PRIMARY KEY (name, tag)
    ) WITHOUT ROWID;
    CREATE INDEX tags_image ON tags (image);
    CREATE TABLE repo_digests (
        name TEXT NOT NULL,
        digest TEXT NOT NULL,              -- of the manifest or index in the registry
        image TEXT NOT NULL REFERENCES images (id),
        PRIMARY KEY (name, digest, image)
    ) WITHOUT ROWID;
    CREATE INDEX repo_digests_image ON repo_digests (image);
    CREATE TABLE garbage (
        kind TEXT NOT NULL,                -- 'blob' or 'snapshot'
        key TEXT NOT NULL,                 -- blob digest or chain ID
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    CREATE TABLE containers (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        image TEXT NOT NULL,               -- image id
        chain_id TEXT NOT NULL,            -- chain ID of the image's top layer, '' for none
        created INTEGER NOT NULL,          -- nanoseconds since the epoch
        record BLOB NOT NULL,              -- JSON: what the container is; never changes but by rename and update
        state BLOB NOT NULL DEFAULT x'7b7d' -- JSON: how its last run went
    ) WITHOUT ROWID;
    CREATE INDEX containers_image ON containers (image);
    CREATE INDEX containers_chain ON containers (chain_id);
    """,
    """
    CREATE TABLE build_cache (
        key TEXT PRIMARY KEY,              -- digest over the chain below, the instruction and its inputs
        chain_id TEXT NOT NULL REFERENCES layers (chain_id),
        blob TEXT NOT NULL,                -- digest of the layer's blob
        media_type TEXT NOT NULL,
        blob_size INTEGER NOT NULL,
        description TEXT NOT NULL,         -- the step, for people
        created INTEGER NOT NULL,          -- nanoseconds since the epoch
        used INTEGER NOT NULL,             -- nanoseconds: when a build last wanted it
        uses INTEGER NOT NULL DEFAULT 0    -- how many builds found it
    ) WITHOUT ROWID;
    CREATE INDEX build_cache_chain ON build_cache (chain_id);
    CREATE INDEX build_cache_blob ON build_cache (blob);
    CREATE TABLE context_files (
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        size INTEGER NOT NULL,
        mtime INTEGER NOT NULL,            -- nanoseconds
        ctime INTEGER NOT NULL,            -- nanoseconds
        digest BLOB NOT NULL,              -- SHA-256 of the content
        used INTEGER NOT NULL,             -- seconds since the epoch: when a build last wanted it
        PRIMARY KEY (device, inode)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE volumes (
        name TEXT PRIMARY KEY,
        created INTEGER NOT NULL,          -- nanoseconds since the epoch
        labels TEXT NOT NULL DEFAULT '{}', -- JSON
        options TEXT NOT NULL DEFAULT '{}' -- JSON: of docker's local driver
    ) WITHOUT ROWID;
    CREATE TABLE networks (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        created INTEGER NOT NULL,          -- nanoseconds since the epoch
        record BLOB NOT NULL               -- JSON: what the network is; never changes
    ) WITHOUT ROWID;
    CREATE TABLE endpoints (
        container TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
        network TEXT NOT NULL,             -- id; the network may be gone
        position INTEGER NOT NULL,         -- order of joining
        settings BLOB NOT NULL,            -- JSON: what the user asks for
        place BLOB NOT NULL DEFAULT x'7b7d', -- JSON: address and the like of the run that has not been settled yet
        PRIMARY KEY (container, network)
    ) WITHOUT ROWID;
    CREATE INDEX endpoints_network ON endpoints (network);
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time INTEGER NOT NULL,             -- nanoseconds since the epoch
        type TEXT NOT NULL,                -- 'container', 'image', 'network', 'volume', 'builder'
        action TEXT NOT NULL,
        actor TEXT NOT NULL,               -- id or name
        attributes TEXT NOT NULL           -- JSON object of strings
    );
    INSERT INTO volumes (name, created)
        SELECT json_extract(each.value, '$.name'), min(created)
        FROM containers, json_each(CAST(record AS TEXT), '$.host.mounts') AS each
        WHERE json_extract(each.value, '$.type') = 'volume' GROUP BY 1;
    INSERT INTO endpoints (container, network, position, settings)
        SELECT id, replace(hex(zeroblob(32)), '00', '0b'), 0, x'7b7d' FROM containers
        WHERE ifnull(json_extract(CAST(record AS TEXT), '$.host.network_mode'), 'default') IN ('default', 'bridge');
    """,
    """
    CREATE TABLE last_builds (
        place BLOB PRIMARY KEY,            -- the context's directory, the Dockerfile, the target
        question TEXT NOT NULL,            -- digest of all else that was asked for
        image TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        manifest TEXT NOT NULL,
        bases TEXT NOT NULL,               -- lines: name:tag of an image that it is made of, that image
        names TEXT NOT NULL,               -- each name:tag that the image got, with spaces between
        keys TEXT NOT NULL,                -- of build_cache, with spaces between
        paths BLOB NOT NULL,               -- what of the context was looked at, with NULs between
        state TEXT NOT NULL,               -- digest of what stat(2) said of that
        steps BLOB NOT NULL,               -- JSON: what was reported
        used INTEGER NOT NULL              -- nanoseconds: when it was last wanted
    );
    CREATE INDEX last_builds_image ON last_builds (image);
    """,
    """
    CREATE TABLE foreign_images (
        reference TEXT NOT NULL,           -- name:tag or name@digest in a registry
        platform TEXT NOT NULL,            -- what was wanted of it, which does not run here
        digest TEXT NOT NULL,              -- what the registry had: of a manifest or index
        image TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        manifest TEXT NOT NULL,
        PRIMARY KEY (reference, platform)
    ) WITHOUT ROWID;
    CREATE INDEX foreign_images_image ON foreign_images (image);
    """,
)
