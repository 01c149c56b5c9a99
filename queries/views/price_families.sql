/* Price lists that tell families of a provider's models apart, where its logs do not: a listed name that begins
with prefix is the provider's. Where the provider has a row of its own for a model, that one goes first. */
SELECT prefix, provider
FROM (
    VALUES
        ('bedrock_converse', 'bedrock'),
        ('fireworks_ai-', 'fireworks_ai'),
        ('vertex_ai-', 'vertex_ai')
) AS families (prefix, provider)
