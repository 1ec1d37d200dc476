using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Messaging.Scheduling;

public static class QuartzTimeouts
{
    /// <summary>
    /// Fires the timers of a saga that keeps them in its rows, in a context that has <see cref="ReliableMessaging.AddDatabase{TDb}"/>:
    /// on time, on one node, whichever lives. <see cref="IActOnTimeout{TSaga}"/> must be registered, and a sweep of the saga's own should
    /// look at the rows now and then, for the day when the scheduler does not run.
    /// </summary>
    /// <param name="services">The services of the node.</param>
    /// <param name="mayBeDue">What an index knows of those that may be due until a moment, and all that are due by then match; all of them, if there is none.</param>
    public static IServiceCollection AddQuartzTimeouts<TDb, TSaga>(this IServiceCollection services, Func<DateTimeOffset, Expression<Func<TSaga, bool>>>? mayBeDue = null)
        where TDb : DbContext
        where TSaga : class, IRowTimer
    {
        services.AddSingleton<DueSoon<TSaga>>();
        services.AddSingleton(provider => new TimerRows<TDb, TSaga>(provider.GetRequiredService<IServiceScopeFactory>(), mayBeDue ?? (_ => saga => true)));
        services.ConfigureDbContext<TDb>((provider, options) => options.AddInterceptors(provider.GetRequiredService<DueSoon<TSaga>>()));
        services.AddHostedService<TimeoutService<TDb, TSaga>>();
        return services;
    }
}
