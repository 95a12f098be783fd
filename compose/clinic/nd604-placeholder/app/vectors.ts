const url = process.env.QDRANT_URL;

if (!url) {
  throw new Error("QDRANT_URL is not set");
}

export const vectors = { url };
