using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging.Databases;

/// <summary>The database of one context: every service may have one of its own.</summary>
public sealed record DatabaseOf<TDb>(Database Value)
    where TDb : DbContext;
